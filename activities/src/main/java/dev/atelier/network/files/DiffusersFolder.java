package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
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
  private static final String AVERAGE = "_ema"; // of a network's weights, beside it
  private static final Pattern WEIGHTS =
      Pattern.compile(".*\\.(safetensors|ckpt|bin|pt|pth|msgpack|onnx)");
  private static final int MOST_SHOWN = 3;
  private static final String SCHEDULER = "scheduler_config.json";
  private static final List<String> NETWORKS = DiffusersNetwork.folders();

  static DiffusersFolder of(Path root) {
    if (Files.exists(root.resolve(CONFIG))) {
      return new DiffusersFolder(root, root);
    }
    List<String> networks =
        NETWORKS.stream().filter(name -> Files.exists(root.resolve(name).resolve(CONFIG))).toList();
    if (networks.stream().map(name -> name.replaceFirst(AVERAGE + "$", "")).distinct().count()
        > 1) {
      throw new IllegalArgumentException(
          "it has the networks %s, expected one".formatted(String.join(" and ", networks)));
    }
    return networks.stream()
        .findFirst()
        .map(name -> new DiffusersFolder(root, root.resolve(name)))
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
    return JsonFile.read(network.resolve(CONFIG), CONFIG);
  }

  /** {@code scheduler_config.json}, in the folder {@code scheduler} or beside the network. */
  Optional<JsonNode> scheduler() throws IOException {
    for (Path folder : List.of(root.resolve("scheduler"), root)) {
      if (Files.exists(folder.resolve(SCHEDULER))) {
        return Optional.of(JsonFile.read(folder.resolve(SCHEDULER), SCHEDULER));
      }
    }
    return Optional.empty();
  }

  /** The network's weights, see {@link WeightFiles#of}. */
  WeightFiles weights(Optional<String> variant) throws IOException {
    return WeightFiles.of(
        root, root.relativize(network).toString(), WeightFiles.DIFFUSERS, variant);
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
