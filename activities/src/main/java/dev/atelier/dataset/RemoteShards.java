package dev.atelier.dataset;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The shards of a dataset in an object store, fetched one at a time. */
public interface RemoteShards {

  /** Their file names, in name order; at least one. */
  List<String> names();

  /** What they hold, told without fetching them: other shards have another text. */
  String content();

  /**
   * Copies one of them into {@code file}.
   *
   * @throws IOException if it is not there any more as it was listed, or too large
   */
  void fetch(String name, Path file) throws IOException;
}
