/// Instructions of processors that the coders' loops may use; all give the same bytes.
package enum InstructionSet: UInt32, CaseIterable, Sendable {
    /// What every processor has.
    case portable = 0
    /// AVX2 and BMI2 of x86-64, where the processor has them; NEON of ARM.
    case avx2 = 1
    /// AVX-512 too: the widest that there is.
    case widest = 2
}
