package dev.atelier.api.project;

import java.util.List;

/** Months in which a project used something, newest first. */
public record UsagePage(List<MonthOfUse> items) {}
