// Where a picture comes from: the sample, a file that was chosen, dropped or pasted. It never leaves for anywhere but
// the service.

import { address } from "./api.js";
import { h, release } from "./dom.js";

const SAMPLE = { name: "grace_hopper.jpg", path: "static/pictures/grace_hopper.jpg" };

export class PictureSource {
  /** `changed()` is called once another picture is there; `failed(text)` where a file is none. */
  constructor(changed, failed) {
    this.changed = changed;
    this.failed = failed;
    this.chooser = h("input.visually-hidden", { type: "file", accept: "image/*", id: "picture-file", onchange: () => this.#take(this.chooser.files[0]) });
    this.label = h("label.button", { for: "picture-file" }, "Choose a picture");
    this.sample = h("button", { type: "button", onclick: () => this.useSample() }, "Use the sample");
    this.words = h("p.hint", {});
    this.element = h("div.source", {}, h("div.bar", {}, this.chooser, this.label, this.sample), this.words);
    this.paste = (event) => this.#take(event.clipboardData?.files[0]);
    document.addEventListener("paste", this.paste);
  }

  /** Let pictures be dropped on an element. */
  acceptDrops(target) {
    target.addEventListener("dragover", (event) => {
      event.preventDefault();
      target.classList.add("dropping");
    });
    target.addEventListener("dragleave", () => target.classList.remove("dropping"));
    target.addEventListener("drop", (event) => {
      event.preventDefault();
      target.classList.remove("dropping");
      this.#take(event.dataTransfer.files[0]);
    });
  }

  stop() {
    this.stopped = true;
    document.removeEventListener("paste", this.paste);
    release(this.url);
  }

  /** Fetch the sample and use it. */
  async useSample() {
    try {
      const response = await fetch(address(SAMPLE.path));
      if (!response.ok) throw new Error(`the sample picture answered ${response.status}`);
      const blob = await response.blob();
      await this.#use(new File([blob], SAMPLE.name, { type: "image/jpeg" }), address(SAMPLE.path));
      this.words.textContent = "Sample: Rear Admiral Grace Hopper, 1984, public domain. Or drop or paste a picture anywhere.";
    } catch (error) {
      this.failed(`The sample picture could not be fetched: ${error.message}`);
    }
  }

  async #take(file) {
    if (!file) return;
    await this.#use(file);
    this.words.textContent = `${file.name || "Your picture"} stays on your machine and the service; a link does not carry it.`;
  }

  async #use(file, address = null) {
    if (this.stopped) return;
    release(this.url);
    this.file = file;
    this.address = address;
    this.url = URL.createObjectURL(file);
    this.image = new Image();
    this.image.src = this.url;
    // A file that the browser cannot show may still be one that the service reads, a TIFF for instance: it decides.
    await this.image.decode().catch(() => {});
    if (!this.stopped) this.changed();
  }

  /** What a program would be told of it. */
  get described() {
    return { name: this.file.name || "picture.png", url: this.address };
  }
}
