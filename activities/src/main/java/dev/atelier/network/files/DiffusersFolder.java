package dev.atelier.network.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A folder as diffusers saves it: a pipeline or a checkpoint of a training, whose network lies in
 * one of {@link DiffusersNetwork#folders}, or one network. What is wrong with it is thrown as an
 * {@link IllegalArgumentException}, a clause.
 *
 * @param root the folder
 * @param network its folder of the network: the moving average where there is one
 */
record DiffusersFolder(Path root, Path network) {

  private static final String CONFIG = "config.json";
  private static final String SCHEDULER = "scheduler_config.json";
  private static final List<String> NETWORKS = DiffusersNetwork.folders();
  private static final ObjectMapper JSON = new ObjectMapper();

  static DiffusersFolder of(Path root) {
    if (Files.exists(root.resolve(CONFIG))) {
      return new DiffusersFolder(root, root);
    }
    return NETWORKS.stream()
        .map(root::resolve)
        .filter(folder -> Files.exists(folder.resolve(CONFIG)))
        .findFirst()
        .map(folder -> new DiffusersFolder(root, folder))
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "expected config.json in the directory or in its folder %s or %s, found none"
                        .formatted(
                            String.join(", ", NETWORKS.subList(0, NETWORKS.size() - 1)),
                            NETWORKS.get(NETWORKS.size() - 1))));
  }

  /** The network's {@code config.json}. */
  JsonNode config() throws IOException {
    return json(network.resolve(CONFIG));
  }

  /** {@code scheduler_config.json}, in the folder {@code scheduler} or beside the network. */
  Optional<JsonNode> scheduler() throws IOException {
    for (Path folder : List.of(root.resolve("scheduler"), root)) {
      if (Files.exists(folder.resolve(SCHEDULER))) {
        return Optional.of(json(folder.resolve(SCHEDULER)));
      }
    }
    return Optional.empty();
  }

  /** The network's weights, see {@link WeightFiles#of}. */
  WeightFiles weights(Optional<String> variant) throws IOException {
    return WeightFiles.of(
        root, root.relativize(network).toString(), WeightFiles.DIFFUSERS, variant);
  }

  private static JsonNode json(Path file) throws IOException {
    try {
      return JSON.readTree(file.toFile());
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "%s is no JSON (%s)".formatted(file.getFileName(), e.getOriginalMessage()), e);
    }
  }

  /** Such as unet_ema/diffusion_pytorch_model.fp16.safetensors, and that unet lies beside it. */
  String shown(List<Path> weights) {
    String first = root.relativize(weights.get(0)).toString();
    List<String> others =
        NETWORKS.stream()
            .filter(name -> !network.equals(root) && !network.equals(root.resolve(name)))
            .filter(name -> Files.exists(root.resolve(name).resolve(CONFIG)))
            .toList();
    return "%s%s%s"
        .formatted(
            first,
            weights.size() > 1 ? " and %d more shards".formatted(weights.size() - 1) : "",
            others.isEmpty()
                ? ""
                : " (the moving average; not %s beside it)".formatted(String.join(", ", others)));
  }
}
