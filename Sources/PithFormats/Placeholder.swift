enum PithFormatsPlaceholder {}
