import PithEvaluation
import PithTensor
import Testing

@Suite struct FidelityTests {
    private func report(_ reference: [Float], _ candidate: [Float], samples: Int) throws -> FidelityReport {
        var fidelity = Fidelity()
        try fidelity.add(
            reference: OutputRows(reference, sampleCount: samples),
            candidate: OutputRows(candidate, sampleCount: samples))
        return try #require(fidelity.report)
    }

    @Test func `logits agree with figures computed elsewhere`() throws {
        let report = try report([1, 2, 3, 0, -1, 4], [1.5, 2, 2.5, 0, -1, 3], samples: 2)
        #expect(abs(report.sqnrDB - 13.152704347785916) < 1e-12)
        #expect(abs(report.cosine - 0.9898810576627861) < 1e-12)
        #expect(abs(try #require(report.kl) - 0.03848333303128393) < 1e-12)
        #expect(report.agreement == 1 && report.rows == 2)
    }

    @Test func `rows that are distributions are taken as they are`() throws {
        let report = try report([0.7, 0.2, 0.1], [0.5, 0.25, 0.25], samples: 1)
        #expect(abs(try #require(report.kl) - 0.09927278218459154) < 1e-7)
    }

    @Test func `a quantized zero costs a bounded divergence`() throws {
        let report = try report([0.5, 0.5], [1, 0], samples: 1)
        // .5 log(.5 / 1) + .5 log(.5 / 1e-12)
        #expect(abs(try #require(report.kl) - 13.1223633774) < 1e-6)
    }

    @Test func `equal outputs have two hundred decibels and lost ones minus two hundred`() throws {
        #expect(try report([1, -2], [1, -2], samples: 1) == report([1, -2], [1, -2], samples: 1))
        #expect(try report([1, -2], [1, -2], samples: 1).sqnrDB == 200)
        #expect(try report([0, 0], [0, 0], samples: 1).sqnrDB == 200)
        #expect(try report([0, 0], [0, 1], samples: 1).sqnrDB == -200)
    }

    @Test func `pooling over batches equals one batch`() throws {
        var parts = Fidelity()
        for (r, o) in [([1, 2, 3], [1.5, 2, 2.5]), ([0, -1, 4], [0, -1, 3])] as [([Float], [Float])] {
            try parts.add(reference: OutputRows(r, sampleCount: 1), candidate: OutputRows(o, sampleCount: 1))
        }
        #expect(try parts.report == report([1, 2, 3, 0, -1, 4], [1.5, 2, 2.5, 0, -1, 3], samples: 2))
    }

    @Test func `numbers that are not finite are counted and never hidden`() throws {
        let broken = try report([1, 2, 3, 4], [1, .nan, 3, 4], samples: 2)
        #expect(broken.nonFinite == .init(reference: 0, candidate: 1))
        #expect(broken.sqnrDB == -200 && broken.cosine == 0.5 && broken.kl == 50 && broken.agreement == 0.5)
        let masked = try report([1, -.infinity, 3], [1, -.infinity, 3], samples: 1)
        #expect(masked.sqnrDB == 200 && masked.cosine == 1 && masked.kl == 0 && masked.agreement == 1)
        #expect(masked.nonFinite == .init(reference: 1, candidate: 1))
    }

    @Test func `rows of one number have neither agreement nor divergence`() throws {
        let report = try report([0.5, 0.25], [0.5, 0.5], samples: 2)
        #expect(report.agreement == nil && report.kl == nil && report.cosine == 1)
        #expect(abs(report.sqnrDB - 6.98970004336019) < 1e-12)
    }

    @Test func `different layouts are refused and nothing gives nothing`() {
        var fidelity = Fidelity()
        #expect(fidelity.report == nil)
        let error = #expect(throws: EvaluationError.self) {
            try fidelity.add(
                reference: OutputRows([1, 2], sampleCount: 1), candidate: OutputRows([1, 2], sampleCount: 2))
        }
        #expect(error?.code == .invalidOutput)
    }

    @Test func `the ratio of lists that differ by a tenth is 20 dB, and a lost number ruins it`() {
        var ratio = SignalToNoise()
        ratio.add(Tensor(vector: [1, 2, -3] as [Float]), Tensor(vector: [1.1, 2.2, -3.3] as [Float]))
        #expect(abs(ratio.decibels - 20) < 1e-5)
        let lost = Tensor(vector: [Float.infinity, .nan])
        ratio.add(lost, lost)
        #expect(abs(ratio.decibels - 20) < 1e-5)
        #expect(ratio.nonFinite == .init(reference: 2, candidate: 2))
        ratio.add(Tensor(vector: [1, 1] as [Float]), lost)
        #expect(ratio.decibels == -200)
        #expect(SignalToNoise().decibels == 200)
        let isAlike = ratio.add(Tensor(vector: [Float(1)]), Tensor(scalar: Float(1)))
        #expect(!isAlike)
    }
}
