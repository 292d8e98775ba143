import PithCompression
import Testing

@Suite struct BisectionTests {
    @Test(arguments: 0...12) func `the largest count that holds is found, with few questions`(limit: Int) async {
        var asked: [Int] = []
        let found = await Bisection.most(of: 12) { count in
            asked.append(count)
            return count <= limit
        }
        #expect(found == limit)
        #expect(asked.count <= 5 && Set(asked).count == asked.count && asked.first == 12, "\(asked)")
    }

    @Test func `a step leaves the last questions out`() async {
        var asked: [Int] = []
        let found = await Bisection.most(of: 27, within: 3) { count in
            asked.append(count)
            return count <= 8
        }
        #expect(asked == [27, 13, 6, 9] && found == 6)
        let none = await Bisection.most(of: 0) { _ in true }
        #expect(none == 0)
    }
}
