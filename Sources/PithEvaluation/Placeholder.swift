enum PithEvaluationPlaceholder {}
