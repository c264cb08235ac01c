package dev.atelier.pipeline;

import dev.atelier.graph.Graph;
import dev.atelier.network.GraphModule;
import dev.atelier.network.files.ConfigFields;
import dev.atelier.network.files.CurrentTensors;
import dev.atelier.network.files.JsonFile;
import dev.atelier.network.files.WeightFiles;
import dev.atelier.network.tensors.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A part of a pipeline: a folder in its own with a network's config and weights.
 *
 * @param root the pipeline's folder
 * @param name of the part's folder in it; empty: the root itself
 * @param stem of its weights, see {@link WeightFiles}
 * @param variant of them to take where there is one
 */
record Part(Path root, String name, String stem, Optional<String> variant) {

  private static final String CONFIG = "config.json";

  /** The config, of which {@code kind} must name {@code expected}. */
  ConfigFields config(String kind, String expected) throws IOException {
    Path file = root.resolve(name).resolve(CONFIG);
    if (!Files.exists(file)) {
      throw new IllegalArgumentException("expected %s, found none".formatted(shown(CONFIG)));
    }
    String quoted = "\"" + expected + "\"";
    ConfigFields fields = new ConfigFields(JsonFile.read(file, shown(CONFIG)), shown(CONFIG));
    fields.require(new ConfigFields.Fixed(kind, quoted, quoted));
    fields.refuseFaults(); // what else would be wrong would say nothing
    return fields;
  }

  /** Its weights, with today's names and in float32. */
  Map<String, HostTensor> tensors() throws IOException {
    return CurrentTensors.of(WeightFiles.preferring(root, name, stem, variant).tensors());
  }

  /** Checks that {@code tensors} are the weights of {@code graphs}, and nothing else. */
  void check(List<Graph> graphs, Map<String, HostTensor> tensors) {
    try {
      GraphModule.check(graphs, tensors, "the set of weights of " + shown(CONFIG));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(e.getMessage().replaceFirst("\\.$", ""), e); // a clause
    }
  }

  /** Its name in the pipeline. */
  String shown(String file) {
    return name.isEmpty() ? file : name + "/" + file;
  }
}
