// One question at a time: a newer one takes the place of an older one, typing never waits, and whatever takes long
// shows that it does and can be cancelled.

const SHOWN_AFTER = 400;
const running = new Set();

/** Asks the latest question only. */
export class Asker {
  #controller = null;
  #timer = 0;

  /**
   * Run `question(signal)` soon, in place of any that is waiting or under way.
   * `answered` and `refused` are called only while the question is still the latest.
   */
  ask(question, { answered, refused, delay = 0 }) {
    this.stop();
    const controller = new AbortController();
    this.#controller = controller;
    const start = async () => {
      const end = begin(controller);
      try {
        const answer = await question(controller.signal);
        if (!controller.signal.aborted) answered(answer);
      } catch (error) {
        if (!controller.signal.aborted) refused(error);
        else if (controller.signal.reason === CANCELLED) refused(controller.signal.reason);
      } finally {
        end();
      }
    };
    // Never inside the event that typed: the keystroke is painted first.
    this.#timer = setTimeout(start, delay);
  }

  /** Forget whatever is waiting or under way. */
  stop() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
  }
}

/** What a person who cancels reads. */
const CANCELLED = Object.assign(new Error("Cancelled. The last answer stands; change anything to ask again."), {
  title: "Cancelled",
  errors: [],
});

/** Make the bar that shows for as long as questions are under way. */
export function watchProgress(bar, words, button) {
  button.addEventListener("click", () => running.forEach((controller) => controller.abort(CANCELLED)));
  let since = 0;
  setInterval(() => {
    since = running.size ? since || performance.now() : 0;
    const waited = since ? performance.now() - since : 0;
    bar.hidden = waited < SHOWN_AFTER;
    if (!bar.hidden) words.textContent = `Computing, ${Math.floor(waited / 1000)} s`;
  }, 100);
}

function begin(controller) {
  running.add(controller);
  return () => running.delete(controller);
}
