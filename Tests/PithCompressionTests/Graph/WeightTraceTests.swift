import PithCompression
import Testing

struct WeightTraceTests {
    @Test func `a weight nobody touched is its own fate`() {
        #expect(WeightTrace().fate(of: "w") == WeightTrace.Fate(names: ["w"], notes: []))
    }

    @Test func `a folded parameter lives on in the weights it went into`() {
        var trace = WeightTrace()
        trace.record(["w", "gamma"], into: ["w"], note: "folded")
        trace.record(["bias", "gamma"], into: ["bias"], note: "folded")
        trace.recordRemoval(of: "gamma", note: "nothing reads it")
        #expect(trace.fate(of: "gamma") == WeightTrace.Fate(names: ["w", "bias"], notes: ["folded"]))
        #expect(trace.fate(of: "w").names == ["w"])
    }

    @Test func `a parameter that is used twice follows both uses`() {
        var trace = WeightTrace()
        trace.record(["a", "gamma"], into: ["a"], note: "first")
        trace.record(["b", "gamma"], into: ["b_1"], note: "second")
        trace.recordRemoval(of: "gamma", note: "nothing reads it")
        trace.recordRemoval(of: "a", note: "nothing reads it")
        #expect(trace.fate(of: "gamma") == WeightTrace.Fate(names: ["b_1"], notes: ["first", "second"]))
    }

    @Test func `a weight that merged back into its source is no news about the source`() {
        var trace = WeightTrace()
        trace.record(["w", "b"], into: ["w_folded"], note: "folded")
        trace.record(["w_folded"], into: ["w"], note: "w_folded holds the same numbers as w")
        trace.recordRemoval(of: "w_folded", note: "merged")
        #expect(trace.fate(of: "w") == WeightTrace.Fate(names: ["w"], notes: ["folded"]))
        #expect(trace.fate(of: "b").notes == ["folded", "w_folded holds the same numbers as w"])
        trace.record(["c"], into: ["c"], note: "a Constant node before")
        #expect(trace.fate(of: "c").notes == ["a Constant node before"])
    }

    @Test func `a weight that is gone says why`() {
        var trace = WeightTrace()
        trace.recordRemoval(of: "w", note: "nothing reads it")
        #expect(trace.fate(of: "w") == WeightTrace.Fate(names: [], notes: ["nothing reads it"]))
    }
}
