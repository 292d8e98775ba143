enum PithReportPlaceholder {}
