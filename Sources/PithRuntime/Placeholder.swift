enum PithRuntimePlaceholder {}
