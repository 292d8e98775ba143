import PithModel

extension Workpiece {
    /// Everything that smoothing may change, as it stands.
    var beforeSmoothing: Unsmoothed {
        Unsmoothed(model: model, trace: trace, reasons: reasons, notes: notes, decisions: decisions)
    }

    /// Undoes smoothing that no kernel takes up: its divisions cost time, and rows that were raised cost other rows bits.
    ///
    /// - Throws: What ``OpsetUpgrader`` throws: the operator set stays what the smoothed model has.
    mutating func restoreUnsmoothed() throws {
        guard let unsmoothed else { return }
        let opset = model.opset, since = notes.filter { !unsmoothed.notes.contains($0) }
        model = unsmoothed.model
        if model.opset < opset { try OpsetUpgrader.upgrade(&model, to: opset) }
        (trace, reasons, notes, decisions) = (
            unsmoothed.trace, unsmoothed.reasons, unsmoothed.notes, unsmoothed.decisions
        )
        for text in since where !text.hasPrefix(SmoothMigrator.gain) { note(text) }
        note("No activation is smoothed: no kernel that would gain from it is worth its time.")
    }
}
