package dev.atelier.report;

import java.util.List;

/** Files that show what was measured. */
public record Report(List<File> files) {

  /** One file. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record File(String name, String contentType, byte[] content) {}

  public Report {
    files = List.copyOf(files);
  }
}
