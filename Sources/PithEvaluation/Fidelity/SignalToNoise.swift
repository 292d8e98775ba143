internal import Foundation
public import PithTensor

/// Power of a signal, and of what a rounded copy of it adds: `10 log10(sum x^2 / sum (x - y)^2)`.
///
/// Sums are in double precision. A number that is not finite in both alike is left out; one that is not finite in one
/// only makes the ratio -200 dB.
public struct SignalToNoise: Sendable {
    /// Sum of the squares of the exact numbers.
    public private(set) var signal = 0.0
    /// Sum of the squares of the differences.
    public private(set) var noise = 0.0
    /// Numbers that are not finite.
    public private(set) var nonFinite = FidelityReport.NonFinite(reference: 0, candidate: 0)
    private var isBroken = false

    /// Nothing seen yet.
    public init() {}

    /// Counts two lists of the same length.
    public mutating func add(_ exact: Span<Float>, _ rounded: Span<Float>) {
        precondition(exact.count == rounded.count, "Both lists have the same length.")
        for index in exact.indices {
            let x = exact[index], y = rounded[index]
            if x.isFinite && y.isFinite {
                let value = Double(x), error = value - Double(y)
                signal += value * value
                noise += error * error
                continue
            }
            nonFinite.reference += x.isFinite ? 0 : 1
            nonFinite.candidate += y.isFinite ? 0 : 1
            if !(x == y || (x.isNaN && y.isNaN)) { isBroken = true }
        }
    }

    /// Counts two tensors of numbers; answers whether they have the same shape.
    ///
    /// Texts are passed over.
    @discardableResult
    public mutating func add(_ exact: Tensor, _ rounded: Tensor) -> Bool {
        guard exact.shape == rounded.shape else { return false }
        if exact.type == .float32, rounded.type == .float32 {
            exact.withElements(as: Float.self) { left in
                rounded.withElements(as: Float.self) { right in add(left, right) }
            }
        } else if let left = exact.floats(), let right = rounded.floats() {
            add(left.span, right.span)
        }
        return true
    }

    /// Counts what `other` counted.
    package mutating func merge(_ other: SignalToNoise) {
        signal += other.signal
        noise += other.noise
        nonFinite.reference += other.nonFinite.reference
        nonFinite.candidate += other.nonFinite.candidate
        isBroken = isBroken || other.isBroken
    }

    /// The ratio in dB, within -200...200; equal lists have 200.
    public var decibels: Double {
        if isBroken { return -Fidelity.limitDB }
        if noise == 0 { return Fidelity.limitDB }
        return min(max(10 * log10(signal / noise), -Fidelity.limitDB), Fidelity.limitDB)
    }
}
