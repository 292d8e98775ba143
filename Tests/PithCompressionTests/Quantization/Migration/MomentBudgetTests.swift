import PithCompression
import Testing

@Suite struct MomentBudgetTests {
    @Test func `three copies of the widest activation fit into 768 megabytes, and not of a wider one`() {
        let widest = MomentBudget.numbers(MomentBudget.mostChannels)
        #expect(widest * 8 * 3 <= 768 << 20)
        #expect((MomentBudget.mostChannels + 32) * (MomentBudget.mostChannels + 32) * 8 * 3 > 768 << 20)
        #expect(MomentBudget.numbers(33) == 64 * 64)
    }

    @Test(arguments: [
        [5792], [4096, 4096, 1024, 1024], [384, 1536, 384, 384, 1536, 2048, 2048, 2048, 2048, 2048], [],
    ])
    func `parts hold every activation once, in order, and their copies fit`(channels: [Int]) {
        let parts = MomentBudget.parts(of: channels)
        #expect(parts.flatMap { Array($0) } == Array(channels.indices))
        for part in parts {
            let bytes = channels[part].reduce(0) { $0 + MomentBudget.numbers($1) * 8 }
            #expect(part.count == 1 || bytes <= 128 << 20)
            for threads in [1, 2, 64] {
                let pieces = MomentBudget.piecesAtOnce(Array(channels[part]), threads: threads)
                #expect((1...threads).contains(pieces))
                #expect(bytes * (pieces + 2) <= 768 << 20)
            }
        }
    }

    @Test func `small activations share a run on every thread, the widest has one thread`() {
        #expect(MomentBudget.parts(of: [64, 160, 432]) == [0..<3])
        #expect(MomentBudget.parts(of: [4096, 64]) == [0..<1, 1..<2])
        #expect(MomentBudget.piecesAtOnce([64, 160, 432], threads: 8) == 8)
        #expect(MomentBudget.piecesAtOnce([5792], threads: 8) == 1)
        #expect(MomentBudget.piecesAtOnce([4096], threads: 8) == 4)
    }
}
