/// The kinds of encoded ONNX messages on the way to tensors.
enum ONNXMessage {
    case model, graph, node, attribute, tensor, sparseTensor

    /// The nested message behind a field number, nil when it holds no tensors.
    func nested(_ field: Int) -> ONNXMessage? {
        switch (self, field) {
        case (.model, 7): .graph
        case (.graph, 1): .node
        case (.graph, 5): .tensor
        case (.graph, 15): .sparseTensor
        case (.node, 5): .attribute
        case (.attribute, 5), (.attribute, 10): .tensor
        case (.attribute, 6), (.attribute, 11): .graph
        case (.sparseTensor, 1), (.sparseTensor, 2): .tensor
        default: nil
        }
    }
}
