package dev.atelier.network.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
  private static final Pattern WEIGHTS =
      Pattern.compile(".*\\.(safetensors|ckpt|bin|pt|pth|msgpack|onnx)");
  private static final int MOST_SHOWN = 3;
  private static final String SCHEDULER = "scheduler_config.json";
  private static final List<String> NETWORKS = DiffusersNetwork.folders();
  // DPM-Solver's lambda_min_clipped is -Infinity, as diffusers writes it.
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  static DiffusersFolder of(Path root) {
    if (Files.exists(root.resolve(CONFIG))) {
      return new DiffusersFolder(root, root);
    }
    return NETWORKS.stream()
        .map(root::resolve)
        .filter(folder -> Files.exists(folder.resolve(CONFIG)))
        .findFirst()
        .map(folder -> new DiffusersFolder(root, folder))
        .orElseThrow(() -> withoutConfig(names(root)));
  }

  /** Why a folder with these files, beside its folders, is none of diffusers. */
  static IllegalArgumentException withoutConfig(Set<String> files) {
    List<String> weights =
        files.stream()
            .filter(file -> WEIGHTS.matcher(file).matches())
            .sorted()
            .limit(MOST_SHOWN)
            .toList();
    return new IllegalArgumentException(
        "expected config.json in the directory or in its folder %s or %s, found %s"
            .formatted(
                String.join(", ", NETWORKS.subList(0, NETWORKS.size() - 1)),
                NETWORKS.get(NETWORKS.size() - 1),
                weights.isEmpty()
                    ? "none"
                    : "only %s (save the pipeline with save_pretrained)"
                        .formatted(String.join(", ", weights))));
  }

  private static Set<String> names(Path root) {
    try (Stream<Path> files = Files.list(root)) {
      return files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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
