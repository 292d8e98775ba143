internal import CPithKernels

/// Rows of a weight side by side: what the rounding kernels work on.
///
/// Element (column, lane) lies at `column * 16 + lane`, so one vector operation serves one column of sixteen rows.
package enum LaneLayout {
    /// Rows in a lane panel.
    package static let lanes = Int(PITH_LANES)
    /// Columns in a panel of ``Kernels/addPanelProducts(_:_:rows:to:stride:at:)``.
    package static let panel = Int(PITH_PANEL)
}

extension Kernels {
    /// `out[at + i * stride + j] += sum over r of left[r * 32 + i] * right[r * 32 + j]`.
    ///
    /// Rows are added up in order in single precision, then to the double once; short runs of rows keep that exact enough.
    package static func addPanelProducts(
        _ left: Span<Float>, _ right: Span<Float>, rows: Int, to out: inout [Double], stride: Int, at start: Int
    ) {
        let panel = LaneLayout.panel
        precondition(left.count == rows * panel && right.count == rows * panel, "A panel has 32 columns.")
        precondition(
            start >= 0 && start + (panel - 1) * stride + panel <= out.count, "The products do not fit the matrix.")
        unsafe left.withUnsafeBufferPointer { left in
            unsafe right.withUnsafeBufferPointer { right in
                unsafe out.withUnsafeMutableBufferPointer { out in
                    guard let base = out.baseAddress else { return }
                    unsafe pith_panel_products_f32(left.baseAddress, right.baseAddress, rows, base + start, stride)
                }
            }
        }
    }

    /// Copies `count` elements, from `source` at a stride to `target` at another.
    package static func copy(
        _ source: Span<Float>, from first: Int, by sourceStride: Int, count: Int, into target: inout [Float],
        at start: Int, by targetStride: Int
    ) {
        guard count > 0 else { return }
        precondition(sourceStride > 0 && targetStride > 0, "Strides go forward.")
        precondition(
            first >= 0 && first + (count - 1) * sourceStride < source.count && start >= 0
                && start + (count - 1) * targetStride < target.count, "The run leaves its memory.")
        unsafe source.withUnsafeBufferPointer { source in
            unsafe target.withUnsafeMutableBufferPointer { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                unsafe pith_copy_strided_f32(from + first, sourceStride, to + start, targetStride, count)
            }
        }
    }

    /// Replaces the lower triangle of a symmetric matrix by its Cholesky factor.
    ///
    /// - Returns: Nil, or the first index whose pivot is not positive; the matrix is then half done.
    package static func cholesky(_ matrix: inout [Double], dimension: Int) -> Int? {
        precondition(matrix.count == dimension * dimension, "The matrix is square.")
        let reached = unsafe matrix.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.map { unsafe pith_cholesky_f64($0, dimension) } ?? 0
        }
        return reached == dimension ? nil : reached
    }

    /// Solves `L x = b` or, transposed, `Lᵀ x = b` for sixteen right-hand sides in place.
    package static func solve(factor: Span<Double>, dimension: Int, isTransposed: Bool, lanes: inout [Double]) {
        precondition(factor.count == dimension * dimension, "The factor is square.")
        precondition(lanes.count == dimension * LaneLayout.lanes, "Right-hand sides come in sixteens.")
        unsafe factor.withUnsafeBufferPointer { factor in
            unsafe lanes.withUnsafeMutableBufferPointer { lanes in
                guard let factor = factor.baseAddress, let lanes = lanes.baseAddress else { return }
                if isTransposed {
                    unsafe pith_solve_upper_f64(factor, dimension, lanes)
                } else {
                    unsafe pith_solve_lower_f64(factor, dimension, lanes)
                }
            }
        }
    }

    /// `eᵀ A e` of sixteen vectors; of the symmetric `matrix` the lower triangle is read.
    package static func quadratic(_ matrix: Span<Double>, dimension: Int, lanes: [Double]) -> [Double] {
        precondition(matrix.count == dimension * dimension, "The matrix is square.")
        precondition(lanes.count == dimension * LaneLayout.lanes, "Vectors come in sixteens.")
        var totals = [Double](repeating: 0, count: LaneLayout.lanes)
        unsafe matrix.withUnsafeBufferPointer { matrix in
            unsafe lanes.withUnsafeBufferPointer { lanes in
                unsafe totals.withUnsafeMutableBufferPointer { totals in
                    unsafe pith_quadratic_f64(
                        matrix.baseAddress, dimension, lanes.baseAddress, totals.baseAddress)
                }
            }
        }
        return totals
    }
}

extension Kernels {
    /// `products[k] += sum over j in columns of lanes[j] * matrix[j, k]`, for sixteen rows.
    package static func addLaneProducts(
        _ matrix: Span<Float>, dimension: Int, lanes: [Float], columns: Range<Int>, to products: inout [Float]
    ) {
        precondition(matrix.count == dimension * dimension, "The matrix is square.")
        precondition(
            lanes.count == dimension * LaneLayout.lanes && products.count == lanes.count, "Rows come in sixteens.")
        precondition(columns.lowerBound >= 0 && columns.upperBound <= dimension, "The columns lie in the matrix.")
        unsafe matrix.withUnsafeBufferPointer { matrix in
            unsafe lanes.withUnsafeBufferPointer { lanes in
                unsafe products.withUnsafeMutableBufferPointer { products in
                    unsafe pith_lane_products_f32(
                        matrix.baseAddress, dimension, lanes.baseAddress, columns.lowerBound, columns.upperBound,
                        products.baseAddress)
                }
            }
        }
    }

    /// Rounds sixteen rows from the last column to the first, feeding each error forward; `codes` gets the levels.
    package static func roundWithFeedback(
        factor: Span<Float>, target: [Float], groups: [UInt32], scales: [Float], zeroPoints: [Float], top: Int,
        codes: inout [UInt8]
    ) {
        let dimension = groups.count
        precondition(factor.count == dimension * dimension, "The factor is square.")
        precondition(
            target.count == dimension * LaneLayout.lanes && codes.count == target.count, "Rows come in sixteens.")
        requireGrids(groups, scales, zeroPoints, top)
        var work = target
        unsafe factor.withUnsafeBufferPointer { factor in
            unsafe target.withUnsafeBufferPointer { target in
                unsafe work.withUnsafeMutableBufferPointer { work in
                    unsafe codes.withUnsafeMutableBufferPointer { codes in
                        unsafe pith_feedback_round_f32(
                            factor.baseAddress, dimension, target.baseAddress, groups, scales, zeroPoints, Float(top),
                            work.baseAddress, codes.baseAddress)
                    }
                }
            }
        }
    }

    /// One sweep of coordinate descent over sixteen rows; says how many levels changed.
    package static func descend(
        matrix: Span<Float>, groups: [UInt32], scales: [Float], zeroPoints: [Float], top: Int, slopes: inout [Float],
        codes: inout [UInt8]
    ) -> Int {
        let dimension = groups.count
        precondition(matrix.count == dimension * dimension, "The matrix is square.")
        precondition(
            slopes.count == dimension * LaneLayout.lanes && codes.count == slopes.count, "Rows come in sixteens.")
        requireGrids(groups, scales, zeroPoints, top)
        return unsafe matrix.withUnsafeBufferPointer { matrix in
            unsafe slopes.withUnsafeMutableBufferPointer { slopes in
                unsafe codes.withUnsafeMutableBufferPointer { codes in
                    unsafe pith_descend_f32(
                        matrix.baseAddress, dimension, groups, scales, zeroPoints, Float(top), slopes.baseAddress,
                        codes.baseAddress)
                }
            }
        }
    }

    private static func requireGrids(_ groups: [UInt32], _ scales: [Float], _ zeroPoints: [Float], _ top: Int) {
        precondition((1...255).contains(top), "Levels are at most 8 bits.")
        let needed = (Int(groups.max() ?? 0) + 1) * LaneLayout.lanes
        precondition(scales.count >= needed && zeroPoints.count == scales.count, "Each group has sixteen grids.")
    }
}

extension Kernels {
    /// The weighted squared error of rounding `values` to each candidate grid.
    package static func gridErrors(
        _ values: Span<Float>, importance: Span<Float>, scales: [Float], zeroPoints: [Float], top: Int
    ) -> [Float] {
        precondition(values.count == importance.count, "Each value has an importance.")
        precondition(scales.count == zeroPoints.count, "A grid is a scale and a zero point.")
        var errors = [Float](repeating: 0, count: scales.count)
        unsafe values.withUnsafeBufferPointer { values in
            unsafe importance.withUnsafeBufferPointer { importance in
                unsafe errors.withUnsafeMutableBufferPointer { errors in
                    unsafe pith_grid_errors_f32(
                        values.baseAddress, importance.baseAddress, values.count, scales, zeroPoints, errors.count,
                        Float(top), errors.baseAddress)
                }
            }
        }
        return errors
    }

    /// Weighted sums of `d * value` and `d * d`, with `d` the distance of a value's level from zero.
    package static func gridMoments(
        _ values: Span<Float>, importance: Span<Float>, scale: Float, zeroPoint: Float, top: Int
    ) -> (products: Float, squares: Float) {
        precondition(values.count == importance.count, "Each value has an importance.")
        var moments: [Float] = [0, 0]
        unsafe values.withUnsafeBufferPointer { values in
            unsafe importance.withUnsafeBufferPointer { importance in
                unsafe moments.withUnsafeMutableBufferPointer { moments in
                    unsafe pith_grid_moments_f32(
                        values.baseAddress, importance.baseAddress, values.count, scale, zeroPoint, Float(top),
                        moments.baseAddress)
                }
            }
        }
        return (moments[0], moments[1])
    }
}
