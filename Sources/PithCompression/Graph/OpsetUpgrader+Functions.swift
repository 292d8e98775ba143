import PithModel

extension OpsetUpgrader {
    /// Refuses a model that brings functions: their bodies name operator sets of their own, which must stay in step.
    ///
    /// The reader keeps field 25 of the model message (`functions`) unread, so its presence is looked for here.
    static func refuseFunctions(of model: Model) throws(CompressionError) {
        guard WireFields.removing([25], from: model.foreign) != model.foreign else { return }
        throw CompressionError(
            code: .unsupportedOperator, subject: "model functions",
            problem: "the model defines operators as functions, whose operator sets can not be raised with it.",
            remedy: "Inline the functions first (onnx.inliner), or export the model for the newer operator set.")
    }
}
