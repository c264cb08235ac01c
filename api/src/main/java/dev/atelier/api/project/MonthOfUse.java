package dev.atelier.api.project;

import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What a project used in a month. */
public record MonthOfUse(
    String project,
    @Schema(description = "UTC", examples = "2026-12") String month,
    double gpuHours,
    @Schema(description = "Hours of workers without a GPU") double cpuHours,
    @Schema(description = "GiB stored for a whole month of 730 hours") double gibMonths,
    @Schema(
            description = "At the prices of now; absent: the server has none",
            implementation = Double.class)
        Optional<Double> cost,
    @Schema(examples = "EUR", implementation = String.class) Optional<String> currency) {}
