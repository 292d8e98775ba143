import PithCompression
import Testing

struct ExtentTests {
    private let n = Extent(symbol: "n"), m = Extent(symbol: "m")

    @Test func `sums and products of symbols are polynomials`() throws {
        let sum = try #require(n.adding(Extent(3)))
        let product = try #require(sum.multiplied(by: m))
        #expect(product.description == "m*n + 3*m")
        #expect(product.divided(by: m) == sum)
        #expect(product.divided(by: n) == nil)
    }

    @Test func `equal polynomials are equal for every input and shifted ones for none`() throws {
        let left = try #require(n.adding(m)), right = try #require(m.adding(n))
        #expect(left.equals(right) == true)
        #expect(n.equals(try #require(n.adding(Extent(1)))) == false)
        #expect(n.equals(m) == nil)
        #expect(n.equals(Extent(-1)) == false)
        #expect(n.equals(Extent(1)) == nil)
    }

    @Test func `a quotient that is not exact is a symbol of its own`() throws {
        let doubled = try #require(n.multiplied(by: Extent(4)))
        #expect(doubled.floorDivided(by: 2) == n.multiplied(by: Extent(2)))
        #expect(n.floorDivided(by: 2) == n.floorDivided(by: 2))
        #expect(n.floorDivided(by: 2) != m.floorDivided(by: 2))
        #expect(n.adding(Extent(-1))?.floorDivided(by: 2) == nil)
        #expect(Extent(7).floorDivided(by: 2)?.constant == 3)
    }

    @Test func `the smaller of a number and a length is known as that`() throws {
        let least = try #require(n.least(256))
        #expect(least.description == "min(256, n)" && least.isLeast(of: n) && least.isNonNegative)
        #expect(!least.isLeast(of: m) && !n.isLeast(of: n))
        #expect(n.least(1) == nil && Extent(-1).least(4) == nil)
        #expect(Extent(7).least(4) == Extent(4) && Extent(3).least(4) == Extent(3))
        // A name that holds a comma is not taken apart there.
        #expect(try !#require(Extent(symbol: "a, n").least(4)).isLeast(of: n))
        #expect(try !#require(least.multiplied(by: Extent(2))).isLeast(of: n))
    }

    @Test func `numbers past 64 bits are refused`() {
        #expect(Extent(Int.max).adding(Extent(1)) == nil)
        #expect(Extent(Int.max).multiplied(by: Extent(2)) == nil)
        #expect(Extent.product([Extent(1 << 40), Extent(1 << 40)]) == nil)
        #expect(Extent(Int.min).divided(by: Extent(-1)) == nil)
    }

    @Test func `lengths are ordered where they can be`() throws {
        let longer = try #require(n.adding(Extent(2)))
        #expect(n.isLess(than: longer) == true)
        #expect(longer.isLess(than: n) == false)
        #expect(n.isLess(than: m) == nil)
        #expect(longer.isAtLeast(2) && !n.isAtLeast(1))
    }
}
