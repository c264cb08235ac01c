package dev.atelier.merging;

import dev.atelier.work.ExperimentFiles;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * Files of an experiment that makes reports alone.
 *
 * @param byName their texts
 */
record KeptReports(Map<String, String> byName) implements ExperimentFiles {

  KeptReports() {
    this(new HashMap<>());
  }

  String text(String name) {
    return byName.get(name);
  }

  @Override
  public void keepReport(String experimentId, String name, String contentType, byte[] content) {
    byName.put(name, new String(content, StandardCharsets.UTF_8));
  }

  @Override
  public void keepSamples(String experimentId, String subject, byte[] png) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void keepPrompts(String experimentId, String subject, byte[] json) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void keepTrajectory(
      String experimentId, String subject, String extension, String contentType, byte[] bytes) {
    throw new UnsupportedOperationException();
  }
}
