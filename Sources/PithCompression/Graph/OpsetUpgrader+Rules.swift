extension OpsetUpgrader {
    /// Rules by operator and by the version of the set whose definition asks for them.
    ///
    /// A revision in `histories` without a rule here was found to keep the meaning of every older node.
    static let rules: [String: [Int: Rule]] = {
        var rules: [String: [Int: Rule]] = [
            "AveragePool": [19: averagePool19, 22: windowsInPadding22],
            "BatchNormalization": [9: batchNormalization9, 14: batchNormalization14],
            "Cast": [24: cast24],
            "CastLike": [24: castLike24],
            "Clip": [11: clip11],
            "ConvTranspose": [11: convTranspose11],
            "DFT": [20: fourier20],
            "Dropout": [10: droppedMask, 12: dropout12],
            "GridSample": [20: gridSample20],
            "GroupNormalization": [21: groupNormalization21],
            "LpPool": [22: windowsInPadding22],
            "MaxPool": [22: windowsInPadding22],
            "Pad": [11: pad11],
            "ReduceSum": [13: optionalAxes],
            "Resize": [11: resize11, 13: resize13],
            "RoiAlign": [16: roiAlign16],
            "Scan": [9: scan9],
            "Scatter": [11: scatter11],
            "Slice": [10: slice10],
            "Split": [13: split13, 18: split18],
            "Squeeze": [13: optionalAxes],
            "TopK": [10: topK10],
            "Unsqueeze": [13: unsqueeze13],
            "Upsample": [9: upsample9, 10: upsample10],
        ]
        for operation in ["Softmax", "LogSoftmax", "Hardmax"] { rules[operation] = [13: oneAxis13] }
        for kind in ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"] {
            rules["Reduce\(kind)"] = [18: optionalAxes]
        }
        return rules
    }()

    /// Versions at which nodes of an operator are rewritten, checked or refused, by operator.
    package static var ruledVersions: [String: [Int]] { rules.mapValues { $0.keys.sorted() } }
}
