package dev.atelier.report;

/** Samples of one subject as a PNG; grids of one report come from the same noise. */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record SampleGrid(String caption, byte[] png) {}
