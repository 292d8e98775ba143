"""Trains the digit classifier and writes it to `digits.onnx`, BatchNormalization kept apart.

    python generate.py && python train.py

Training pictures are drawn on the spot (`generate.draw_split("training", ...)`) and are not stored. The state after the
last epoch is exported; neither calibration nor evaluation rows are looked at before it. The ONNX graph is built node by
node, so that nothing is folded and every name says what it belongs to.
"""

import os

# One thread and one set of vector instructions: sums are then added in the same order on every run. The limits must
# be set before the libraries load.
os.environ.update(
    OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1",
    ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2", MKL_CBWR="AVX2")

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

import generate

SEED = 7
EPOCHS = 8
BATCH = 64
PEAK_RATE = 4e-3
#: Written out as in the data card.
SCALE = 0.00392156862745098
FOLDER = Path(__file__).parent


# --- Network ----------------------------------------------------------------------------------------------------------

def conv(inputs, outputs, kernel, stride=1, groups=1):
    """Returns a convolution without bias (BatchNorm follows) that keeps the picture's size up to `stride`."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class Residual(nn.Module):
    """Two 3 x 3 convolutions and the way around them."""

    def __init__(self, channels):
        super().__init__()
        self.conv1, self.norm1 = conv(channels, channels, 3), nn.BatchNorm2d(channels)
        self.conv2, self.norm2 = conv(channels, channels, 3), nn.BatchNorm2d(channels)

    def forward(self, x):
        """Returns `relu(x + f(x))`."""
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(x + self.norm2(self.conv2(y)))


class DigitNet(nn.Module):
    """A small residual network: 28 x 28 -> 14 x 14 (strided) -> 7 x 7 (depthwise, strided) -> ten logits."""

    def __init__(self):
        super().__init__()
        self.stem, self.stem_norm = conv(1, 16, 3), nn.BatchNorm2d(16)
        self.down, self.down_norm = conv(16, 32, 3, stride=2), nn.BatchNorm2d(32)
        self.block1 = Residual(32)
        self.depthwise, self.depthwise_norm = conv(32, 32, 3, stride=2, groups=32), nn.BatchNorm2d(32)
        self.pointwise, self.pointwise_norm = conv(32, 64, 1), nn.BatchNorm2d(64)
        self.block2 = Residual(64)
        self.head = nn.Linear(64, 10)

    def forward(self, image):
        """Returns N x 10 logits of N x 1 x 28 x 28 pictures with values 0...1."""
        x = functional.relu(self.stem_norm(self.stem(image)))
        x = self.block1(functional.relu(self.down_norm(self.down(x))))
        x = functional.relu(self.depthwise_norm(self.depthwise(x)))
        x = self.block2(functional.relu(self.pointwise_norm(self.pointwise(x))))
        return self.head(x.mean(dim=(2, 3)))


# --- Training ---------------------------------------------------------------------------------------------------------

def prepared(pictures):
    """Returns uint8 pictures as the network takes them: N x 1 x 28 x 28, float, scaled."""
    return torch.from_numpy(pictures[:, None].astype(np.float32) * np.float32(SCALE))


def train(count, epochs):
    """Returns a network trained on `count` freshly drawn pictures."""
    pictures, labels = generate.draw_split("training", count)
    images, targets = prepared(pictures), torch.from_numpy(labels)
    torch.manual_seed(SEED)
    network = DigitNet()
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE, epochs=epochs, steps_per_epoch=count // BATCH)
    for epoch in range(epochs):
        began = time.monotonic()
        loss = train_epoch(network, optimizer, schedule, images, targets)
        print(f"epoch {epoch + 1}/{epochs}: loss {loss:.4f}, {time.monotonic() - began:.1f} s", flush=True)
    return network.eval()


def train_epoch(network, optimizer, schedule, images, targets):
    """Runs over all whole batches once, in a new order; returns the mean loss."""
    order = torch.randperm(len(images))
    total, batches = 0.0, len(images) // BATCH
    for rows in order[:batches * BATCH].split(BATCH):
        loss = functional.cross_entropy(network(images[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()
    return total / batches


# --- Export -----------------------------------------------------------------------------------------------------------

class GraphBuilder:
    """Collects ONNX nodes and initializers; a node's output is called after the module it came from."""

    def __init__(self):
        self.nodes, self.initializers = [], []

    def node(self, operator, name, inputs, **attributes):
        """Adds one node and returns the name of its output, which is `name`."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name, tensor):
        """Adds one initializer and returns its name."""
        self.initializers.append(numpy_helper.from_array(tensor.detach().numpy(), name))
        return name

    def conv(self, name, module, x):
        """Adds a convolution without bias."""
        pad = module.padding[0]
        return self.node(
            "Conv", name, [x, self.weight(f"{name}.weight", module.weight)], kernel_shape=module.kernel_size,
            strides=module.stride, pads=[pad] * 4, group=module.groups, dilations=module.dilation)

    def norm(self, name, module, x):
        """Adds a BatchNormalization with its running statistics."""
        parts = [("weight", module.weight), ("bias", module.bias),
                 ("running_mean", module.running_mean), ("running_var", module.running_var)]
        weights = [self.weight(f"{name}.{part}", tensor) for part, tensor in parts]
        return self.node("BatchNormalization", name, [x, *weights], epsilon=module.eps)

    def conv_norm_relu(self, name, convolution, norm, x):
        """Adds a convolution, its BatchNormalization and a ReLU."""
        x = self.norm(f"{name}_norm", norm, self.conv(name, convolution, x))
        return self.node("Relu", f"{name}_relu", [x])

    def residual(self, name, block, x):
        """Adds a residual block."""
        y = self.norm(f"{name}.norm1", block.norm1, self.conv(f"{name}.conv1", block.conv1, x))
        y = self.node("Relu", f"{name}.relu1", [y])
        y = self.norm(f"{name}.norm2", block.norm2, self.conv(f"{name}.conv2", block.conv2, y))
        return self.node("Relu", f"{name}.relu2", [self.node("Add", f"{name}.add", [x, y])])


def exported(network):
    """Returns the network as an ONNX model: opset 13, IR version 8, a free batch axis."""
    graph = GraphBuilder()
    x = graph.conv_norm_relu("stem", network.stem, network.stem_norm, "image")
    x = graph.conv_norm_relu("down", network.down, network.down_norm, x)
    x = graph.residual("block1", network.block1, x)
    x = graph.conv_norm_relu("depthwise", network.depthwise, network.depthwise_norm, x)
    x = graph.conv_norm_relu("pointwise", network.pointwise, network.pointwise_norm, x)
    x = graph.residual("block2", network.block2, x)
    x = graph.node("Flatten", "flatten", [graph.node("GlobalAveragePool", "pool", [x])], axis=1)
    weights = [graph.weight("head.weight", network.head.weight), graph.weight("head.bias", network.head.bias)]
    graph.nodes.append(helper.make_node("Gemm", [x, *weights], ["logits"], name="head", transB=1))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, generate.SIDE, generate.SIDE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "digits", [image], [logits], graph.initializers),
        opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="digits")
    onnx.checker.check_model(model, full_check=True)
    return model


# --- Checks -----------------------------------------------------------------------------------------------------------

def logits_in_runtime(model, images):
    """Returns the logits that ONNX Runtime computes for `images`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"image": images.numpy()})[0]


def report(network, model):
    """Prints sizes and the accuracy of the exported model; refuses an export that differs from the network."""
    with np.load(FOLDER / "digits.npz") as data:
        images, labels = prepared(data["image"]), data["label"]
    with torch.inference_mode():
        expected = network(images).numpy()
    found = logits_in_runtime(model, images)
    difference = float(np.abs(found - expected).max())
    if difference > 1e-3:
        raise SystemExit(f"The exported graph differs from the network by {difference:g}.")
    right = (found.argmax(axis=1) == labels)[generate.CALIBRATION_COUNT:]
    parameters = sum(p.numel() for p in network.parameters())
    print(f"parameters {parameters}, initializers {sum(np.prod(t.dims) for t in model.graph.initializer)}")
    print(f"accuracy {right.mean():.4f} ({right.sum()} of {len(right)}), export differs by at most {difference:.1e}")


def main():
    """Trains, writes the model and reports on it."""
    parser = argparse.ArgumentParser(description="Trains the digit classifier.")
    parser.add_argument("--count", type=int, default=generate.TRAINING_COUNT, help="training pictures")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--output", type=Path, default=FOLDER / "digits.onnx")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    network = train(arguments.count, arguments.epochs)
    model = exported(network)
    arguments.output.write_bytes(model.SerializeToString(deterministic=True))
    report(network, model)


if __name__ == "__main__":
    main()
