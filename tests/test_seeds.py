"""The five articles' promises over HTTP, each under the name of its row: S0 to S4.

Expected numbers are the articles' own, or come from the definition written out as loops here.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.exchange import answered, maps, pixels

PORTRAIT = Path(__file__).parent / "data" / "grace_hopper.jpg"
RAMP = np.arange(10.0, 260.0, 10.0).reshape(5, 5)
EDGE = [[1, 0, -1]] * 3
SEED = 20240501


def correlated(data: NDArray[Any], kernel: NDArray[Any], stride: tuple[int, int] = (1, 1)) -> NDArray[Any]:
    """Slide a kernel over a matrix by the definition, a cell at a time."""
    rows = (data.shape[0] - kernel.shape[0]) // stride[0] + 1
    columns = (data.shape[1] - kernel.shape[1]) // stride[1] + 1
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            for a in range(kernel.shape[0]):
                for b in range(kernel.shape[1]):
                    out[i, j] += data[i * stride[0] + a, j * stride[1] + b] * kernel[a, b]
    return out


def integers(*shape: int, seed: int = SEED) -> NDArray[np.float64]:
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.float64)


class TestS0Demystifying:
    """Demystifying the math and implementation of convolutions."""

    @pytest.mark.parametrize(
        ("m", "n", "k_m", "k_n", "s_x", "s_y"),
        [(6, 6, 3, 3, 1, 1), (7, 5, 2, 3, 1, 2), (9, 8, 3, 1, 2, 3), (10, 4, 4, 4, 3, 1), (5, 11, 1, 5, 4, 2)],
    )
    def test_each_cell_is_the_dot_product_of_window_and_kernel(
        self, service: httpx.Client, m: int, n: int, k_m: int, k_n: int, s_x: int, s_y: int
    ) -> None:
        data, kernel = integers(m, n), integers(k_m, k_n, seed=1)
        found = maps(service, "/v1/conv2d", input=data, kernel=kernel, stride=[s_x, s_y])
        assert found.shape == ((m - k_m) // s_x + 1, (n - k_n) // s_y + 1)
        np.testing.assert_array_equal(found, correlated(data, kernel, (s_x, s_y)))

    def test_a_6_by_6_input_and_a_3_by_3_kernel_make_4_by_4(self, service: httpx.Client) -> None:
        plan = answered(service, "/v1/conv2d/plan", input_shape=[6, 6], kernel_shape=[3, 3])
        assert plan["plan"]["output_shape"] == [4, 4]

    def test_a_curve_answers_most_to_the_kernel_that_looks_like_it(self, service: httpx.Client) -> None:
        # An arc at the top left of a dark picture, its mirror image at the bottom right.
        arc = np.array([[0, 0, 1, 1], [0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], float)
        picture = np.zeros((12, 12))
        picture[1:5, 1:5] = arc * 255
        picture[7:11, 6:10] = arc[::-1, ::-1] * 255
        for kernel, place in ((arc, (1, 1)), (arc[::-1, ::-1], (7, 6))):
            found = maps(service, "/v1/conv2d", input=picture, kernel=kernel)
            assert [int(at) for at in np.unravel_index(found.argmax(), found.shape)] == list(place)
            assert found.max() == 255 * arc.sum()


class TestS1Principles:
    """The principles of the convolution."""

    def test_convolution_flips_one_signal_and_deep_learning_does_not(self, service: httpx.Client) -> None:
        data, kernel = integers(4, 4), np.array([[1.0, 2.0], [3.0, 4.0]])
        # (f*g)(i,j) = sum over a, b of f(a,b) g(i-a, j-b), where the kernel lies inside the matrix.
        by_definition = [
            [
                sum(data[a, b] * kernel[i - a, j - b] for a in range(i - 1, i + 1) for b in range(j - 1, j + 1))
                for j in range(1, 4)
            ]
            for i in range(1, 4)
        ]
        flipped = maps(service, "/v1/conv2d", input=data, kernel=kernel, operation="convolution")
        assert flipped.tolist() == by_definition
        unflipped = maps(service, "/v1/conv2d", input=data, kernel=kernel)
        np.testing.assert_array_equal(unflipped, correlated(data, kernel))
        assert unflipped.tolist() != by_definition

    def test_the_sum_of_a_patch_a_to_i_with_1_to_9(self, service: httpx.Client) -> None:
        a, b, c, d, e, f, g, h, i = 11, -7, 5, 3, -2, 8, 13, 1, -4
        patch, kernel = [[a, b, c], [d, e, f], [g, h, i]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
        there = maps(service, "/v1/conv2d", input=patch, kernel=kernel)
        assert there.tolist() == [[1 * a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i]]
        turned = maps(service, "/v1/conv2d", input=patch, kernel=kernel, operation="convolution")
        assert turned.tolist() == [[9 * a + 8 * b + 7 * c + 6 * d + 5 * e + 4 * f + 3 * g + 2 * h + 1 * i]]

    @pytest.mark.parametrize("rank", [1, 2, 3])
    def test_it_works_in_any_number_of_dimensions(self, service: httpx.Client, rank: int) -> None:
        data, kernel = integers(*(5, 4, 6)[:rank]), integers(*(2, 3, 2)[:rank], seed=2)
        found = maps(service, f"/v1/conv{rank}d", input=data, kernel=kernel)
        expected = [
            sum(
                data[tuple(o + k for o, k in zip(at, tap, strict=True))] * kernel[tap]
                for tap in np.ndindex(*kernel.shape)
            )
            for at in np.ndindex(*found.shape)
        ]
        assert found.ravel().tolist() == expected

    @pytest.mark.parametrize(
        ("size", "expected"), [([8, 8], [6, 6]), ([12, 10], [10, 8]), ([10, 10], [8, 8]), ([12, 8], [10, 6])]
    )
    def test_the_exercise_on_sizes(self, service: httpx.Client, size: list[int], expected: list[int]) -> None:
        planned = answered(service, "/v1/conv2d/plan", input_shape=size, kernel_shape=[3, 3])
        assert planned["plan"]["output_shape"] == expected
        assert (
            maps(service, "/v1/conv2d", input=np.ones(size), kernel=np.ones((3, 3))).tolist()
            == [[9.0] * expected[1]] * expected[0]
        )

    def test_it_is_linear(self, service: httpx.Client) -> None:
        x, y, kernel = integers(6, 7), integers(6, 7, seed=3), integers(3, 2, seed=4)
        together = maps(service, "/v1/conv2d", input=3 * x - 2 * y, kernel=kernel)
        apart = [maps(service, "/v1/conv2d", input=part, kernel=kernel) for part in (x, y)]
        np.testing.assert_array_equal(together, 3 * apart[0] - 2 * apart[1])


class TestS2TheConvolutionOperation:
    """The convolution operation."""

    def test_the_convolution_integral_of_two_signals(self, service: httpx.Client) -> None:
        # x(t) = 1 on [0, 1) and h(t) = e^-t: (x*h)(t) = 1 - e^-t up to t = 1, then (e - 1) e^-t.
        dt = 1 / 512
        t = np.arange(0, 3, dt)
        found = maps(
            service,
            "/v1/conv1d",
            input=(t < 1).astype(float),
            kernel=np.exp(-t),
            operation="convolution",
            padding="full",
            sample_spacing=dt,
        )
        exact = np.where(t < 1, 1 - np.exp(-t), (math.e - 1) * np.exp(-t))
        np.testing.assert_allclose(found[: len(t)], exact, atol=dt)

    def test_two_boxes_make_a_triangle(self, service: httpx.Client) -> None:
        box = [1.0] * 4
        found = maps(
            service,
            "/v1/conv1d",
            input=box,
            kernel=box,
            operation="convolution",
            padding="full",
            sample_spacing=0.25,
        )
        assert found.tolist() == [0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25]

    @pytest.mark.parametrize(("x", "w"), [((5,), (3,)), ((2,), (6,)), ((4, 3), (2, 5)), ((3, 3), (2, 2))])
    def test_it_is_commutative(self, service: httpx.Client, x: tuple[int, ...], w: tuple[int, ...]) -> None:
        first, second = integers(*x), integers(*w, seed=5)
        options = {"operation": "convolution", "padding": "full"}
        path = f"/v1/conv{len(x)}d"
        there = maps(service, path, input=first, kernel=second, **options)
        back = maps(service, path, input=second, kernel=first, **options)
        np.testing.assert_array_equal(there, back)

    def test_its_names_are_the_articles(self, service: httpx.Client) -> None:
        answer = answered(service, "/v1/conv1d", input=[1, 2, 3], kernel=[1, 1])  # S = x * w
        assert answer["feature_maps"] == [3, 5]

    @pytest.mark.parametrize(("n", "k", "p", "s", "expected"), [(5, 3, 0, 1, 3), (7, 3, 1, 2, 4), (6, 2, 2, 3, 3)])
    @pytest.mark.parametrize("rank", [1, 2])
    def test_stride_and_padding_by_the_formula(
        self, service: httpx.Client, rank: int, n: int, k: int, p: int, s: int, expected: int
    ) -> None:
        data, kernel = integers(*[n] * rank), integers(*[k] * rank, seed=6)
        found = maps(service, f"/v1/conv{rank}d", input=data, kernel=kernel, stride=s, padding=p)
        assert found.shape == (expected,) * rank
        padded = np.pad(data, p)
        by_hand = correlated(np.atleast_2d(padded), np.atleast_2d(kernel), (s, s))
        np.testing.assert_array_equal(np.atleast_2d(found), by_hand)
        planned = answered(
            service, f"/v1/conv{rank}d/plan", input_shape=data.shape, kernel_shape=kernel.shape, stride=s, padding=p
        )
        assert [axis["result"] for axis in planned["formula"]] == [expected] * rank
        assert planned["formula"][0]["expression"] == f"⌊({n} + {p} + {p} − 1·({k} − 1) − 1) / {s}⌋ + 1"

    def test_a_signal_is_smoothed(self, service: httpx.Client) -> None:
        rng = np.random.default_rng(SEED)
        clean = np.sin(np.linspace(0, 4 * np.pi, 200))
        noisy = clean + rng.normal(0, 0.3, clean.size)
        smooth = maps(service, "/v1/conv1d", input=noisy, kernel=[1 / 9] * 9, padding="same", padding_mode="replicate")
        assert np.std(smooth - clean) < 0.5 * np.std(noisy - clean)

    @pytest.mark.parametrize("name", ["sobel_x", "laplacian", "gaussian", "box", "sharpen"])
    def test_edges_blur_and_sharpening_on_a_picture(self, service: httpx.Client, name: str) -> None:
        kernel = np.array(service.get(f"/v1/kernels/{name}").json()["kernel"])
        with Image.open(PORTRAIT) as picture:
            crop = picture.crop((200, 100, 280, 160))
        data = np.asarray(crop.convert("RGB"), np.float64).transpose(2, 0, 1)
        file = io.BytesIO()
        crop.save(file, "PNG")
        response = service.post(
            "/v1/conv2d",
            files={"input": file.getvalue()},
            data={"kernel": name, "dtype": "float64"},
            headers={"Accept": "application/x-npy"},
        )
        assert response.status_code == 200, response.text
        found = np.load(io.BytesIO(response.content))
        expected = np.stack([correlated(channel, kernel) for channel in data])
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-9)


class TestS3MathematicalIntuition:
    """CNN and mathematical intuition."""

    def test_convolution_is_correlation_with_the_kernel_turned_by_180_degrees(self, service: httpx.Client) -> None:
        data, kernel = integers(6, 5), integers(3, 2, seed=7)
        np.testing.assert_array_equal(
            maps(service, "/v1/conv2d", input=data, kernel=kernel, operation="convolution"),
            maps(service, "/v1/conv2d", input=data, kernel=np.rot90(kernel, 2)),
        )

    def test_full_correlation(self, service: httpx.Client) -> None:
        data, kernel = integers(3, 4), integers(2, 3, seed=8)
        found = maps(service, "/v1/conv2d", input=data, kernel=kernel, padding="full")
        assert found.shape == (4, 6)
        np.testing.assert_array_equal(found, correlated(np.pad(data, ((1, 1), (2, 2))), kernel))

    @pytest.mark.parametrize("bias_form", ["a filter", "a position"])
    @pytest.mark.parametrize("stride", [1, 2])
    def test_a_layer_forward(self, service: httpx.Client, bias_form: str, stride: int) -> None:
        data, kernels = integers(3, 6, 5), integers(2, 3, 3, 2, seed=9)
        expected = np.stack(
            [
                sum(correlated(plane, taps, (stride, stride)) for plane, taps in zip(data, filter_, strict=True))
                for filter_ in kernels
            ]
        )
        bias = integers(2, seed=10) if bias_form == "a filter" else integers(*expected.shape, seed=10)
        found = maps(service, "/v1/conv2d", input=data, kernel=kernels, bias=bias, stride=stride)
        np.testing.assert_array_equal(found, expected + (bias[:, None, None] if bias.ndim == 1 else bias))

    def test_a_layer_backward_and_a_step_of_descent(self, service: httpx.Client) -> None:
        data, kernels, upstream = integers(2, 5, 6), integers(3, 2, 2, 3, seed=11), integers(3, 4, 4, seed=12)
        bias = integers(3, 4, 4, seed=13)
        answer = answered(
            service,
            "/v1/conv2d/gradients",
            input=data,
            kernel=kernels,
            bias=bias,
            output_gradient=upstream,
            learning_rate=0.5,
        )
        # dE/dK: correlation of the input with the output's gradient.
        kernel_gradient = np.stack([[correlated(plane, gradient) for plane in data] for gradient in upstream])
        np.testing.assert_array_equal(answer["kernel_gradient"], kernel_gradient)
        # dE/dB: the output's gradient, as there is a bias a position.
        np.testing.assert_array_equal(answer["bias_gradient"], upstream)
        # dE/dX: full convolution of the output's gradient with the kernel.
        padded = np.pad(upstream, ((0, 0), (1, 1), (2, 2)))
        input_gradient = np.stack(
            [sum(correlated(padded[f], np.rot90(kernels[f, channel], 2)) for f in range(3)) for channel in range(2)]
        )
        np.testing.assert_array_equal(answer["input_gradient"], input_gradient)
        np.testing.assert_array_equal(answer["updated_kernel"], kernels - 0.5 * kernel_gradient)
        np.testing.assert_array_equal(answer["updated_bias"], bias - 0.5 * upstream)

    def test_max_pooling_forward_and_backward(self, service: httpx.Client) -> None:
        data = [[1, 3, 2, 0], [4, 2, 1, 5], [0, 1, 9, 7], [2, 6, 3, 8]]
        found = maps(service, "/v1/pool2d", input=data, kind="max", kernel_size=2)
        assert found.tolist() == [[4, 5], [6, 9]]
        back = answered(
            service,
            "/v1/pool2d/gradients",
            input=data,
            kind="max",
            kernel_size=2,
            output_gradient=[[1, 2], [3, 4]],
        )
        assert back["input_gradient"] == [[0, 0, 0, 0], [1, 0, 0, 2], [0, 0, 4, 0], [0, 3, 0, 0]]

    def test_average_pooling(self, service: httpx.Client) -> None:
        data = [[1, 3, 2, 0], [4, 4, 1, 5]]
        assert maps(service, "/v1/pool2d", input=data, kind="average", kernel_size=2).tolist() == [[3, 2]]

    def test_ragged_edges_and_ties_which_its_code_got_wrong(self, service: httpx.Client) -> None:
        ragged = maps(service, "/v1/pool2d", input=[[1, 2, 7], [3, 4, 8], [5, 6, 9]], kernel_size=2, ceil_mode=True)
        assert ragged.tolist() == [[4, 8], [6, 9]]
        assert maps(service, "/v1/pool2d", input=[[1, 2, 7], [3, 4, 8], [5, 6, 9]], kernel_size=2).tolist() == [[4]]
        tied = answered(service, "/v1/pool2d/gradients", input=[[5, 5], [5, 5]], kernel_size=2, output_gradient=[[1]])
        assert tied["input_gradient"] == [[1, 0], [0, 0]]

    def test_a_picture_of_1080_by_1080_made_smaller(self, service: httpx.Client) -> None:
        with Image.open(PORTRAIT) as portrait:
            large = portrait.convert("RGB").resize((1080, 1080))
        file = io.BytesIO()
        large.save(file, "PNG", compress_level=1)
        response = service.post(
            "/v1/pool2d",
            files={"input": file.getvalue()},
            data={"kind": "max", "kernel_size": "2"},
            headers={"Accept": "image/png"},
        )
        samples = np.asarray(large)
        expected = samples.reshape(540, 2, 540, 2, 3).max(axis=(1, 3))
        np.testing.assert_array_equal(pixels(response), expected)


class TestS4ConvolutionOperation:
    """Convolution operation: the anchor, its sizes, and its five questions."""

    def test_the_anchor(self, service: httpx.Client) -> None:
        assert answered(service, "/v1/conv2d", input=RAMP, kernel=EDGE) == {
            "feature_maps": [[-60.0] * 3] * 3,
            "output_shape": [3, 3],
            "dtype": "float64",
            "plan": {
                "operation": "cross_correlation",
                "input_shape": [5, 5],
                "kernel_shape": [3, 3],
                "output_shape": [3, 3],
                "stride": [1, 1],
                "padding": [[0, 0], [0, 0]],
                "padding_mode": "zeros",
                "dilation": [1, 1],
                "groups": 1,
                "dtype": "float64",
                "method": "direct",
                "macs": 81,
            },
        }

    @pytest.mark.parametrize(
        ("n", "k", "p", "s", "expected"), [(5, 3, 0, 1, 3), (5, 3, 1, 1, 5), (6, 3, 0, 1, 4), (224, 7, 3, 2, 112)]
    )
    def test_its_sizes(self, service: httpx.Client, n: int, k: int, p: int, s: int, expected: int) -> None:
        planned = answered(service, "/v1/conv2d/plan", input_shape=[n, n], kernel_shape=[k, k], padding=p, stride=s)
        assert planned["plan"]["output_shape"] == [expected, expected]

    def test_eight_filters_make_eight_maps(self, service: httpx.Client) -> None:
        bank = integers(8, 3, 3, seed=14)
        found = maps(service, "/v1/conv2d", input=RAMP, kernel=bank)
        assert found.shape == (8, 3, 3)
        np.testing.assert_array_equal(found, np.stack([correlated(RAMP, kernel) for kernel in bank]))

    def test_two_layers_of_3_by_3_cost_18_multiplications_a_position_and_one_of_5_by_5_costs_25(
        self, service: httpx.Client
    ) -> None:
        def a_position(size: int) -> int:
            planned = answered(service, "/v1/conv2d/plan", input_shape=[9, 9], kernel_shape=[size, size])
            assert planned["receptive_field"] == [size, size]
            return int(planned["macs"] // math.prod(planned["plan"]["output_shape"]))

        assert (2 * a_position(3), a_position(5)) == (18, 25)

    def test_what_a_kernel_detects_stands_in_its_description(self, service: httpx.Client) -> None:
        described = {kernel["name"]: kernel["description"] for kernel in service.get("/v1/kernels").json()["kernels"]}
        assert "vertical" in described["sobel_x"].lower()
        assert "horizontal" in described["sobel_y"].lower()
        assert "edge" in described["laplacian"].lower()
        assert all(len(text) > 20 for text in described.values())

    def test_question_1_a_vertical_line_filter(self, service: httpx.Client) -> None:
        found = maps(service, "/v1/conv2d", input=RAMP, kernel=[[0, 1, 0]] * 3)
        assert found[0, 0] == 20 + 70 + 120 == 210

    def test_question_2_a_horizontal_edge_filter(self, service: httpx.Client) -> None:
        found = maps(service, "/v1/conv2d", input=RAMP, kernel=[[1, 1, 1], [0, 0, 0], [-1, -1, -1]])
        assert found[0, 0] == found[1, 0] == -300

    def test_question_3_three_layers_on_32(self, service: httpx.Client) -> None:
        sizes, size = [32], [32, 32]
        for _ in range(3):
            planned = answered(service, "/v1/conv2d/plan", input_shape=size, kernel_shape=[3, 3])
            size = planned["plan"]["output_shape"]
            sizes.append(size[0])
        assert sizes == [32, 30, 28, 26]

    def test_question_4_the_first_layer_of_a_resnet(self, service: httpx.Client) -> None:
        planned = answered(
            service,
            "/v1/conv2d/plan",
            input_shape=[3, 224, 224],
            kernel_shape=[64, 3, 7, 7],
            stride=2,
            padding=3,
        )
        assert planned["plan"]["output_shape"] == [64, 112, 112]

    @pytest.mark.parametrize(("channels", "parameters"), [(1, 640), (3, 1792)])
    def test_question_5_parameters_of_64_filters(self, service: httpx.Client, channels: int, parameters: int) -> None:
        planned = answered(
            service,
            "/v1/conv2d/plan",
            input_shape=[channels, 28, 28],
            kernel_shape=[64, channels, 3, 3],
            bias=True,
        )
        assert planned["parameters"] == parameters
