package dev.atelier.api.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;

/** How far a model shall be trained. */
public record Extension(
    @JsonPropertyDescription("Optimiser steps in all, earlier ones included")
        @NotNull
        @Min(1)
        @Max(100_000_000)
        Integer steps) {}
