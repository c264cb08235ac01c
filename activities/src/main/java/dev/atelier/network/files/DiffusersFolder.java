package dev.atelier.network.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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
  private static final String SCHEDULER = "scheduler_config.json";
  private static final String STEM = "diffusion_pytorch_model";
  private static final String WEIGHTS = STEM + ".safetensors";
  private static final String INDEX = WEIGHTS + ".index.json";
  // diffusion_pytorch_model.fp16.safetensors, diffusion_pytorch_model.safetensors.index.fp16.json
  private static final Pattern VARIANT =
      Pattern.compile(
          Pattern.quote(STEM)
              + "\\.(?:([^.]+)\\.safetensors|safetensors\\.index\\.([^.]+)\\.json)");
  private static final Pattern SHARD = Pattern.compile(".*-\\d+-of-\\d+");
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

  /** The network's safetensors files: one, or the shards of one. */
  List<Path> weights() throws IOException {
    Path whole = network.resolve(WEIGHTS);
    if (Files.exists(whole)) {
      return List.of(whole);
    }
    if (Files.exists(network.resolve(INDEX))) {
      return shards(network.resolve(INDEX));
    }
    TreeSet<String> variants = new TreeSet<>();
    try (Stream<Path> files = Files.list(network)) {
      files
          .map(file -> VARIANT.matcher(file.getFileName().toString()))
          .filter(Matcher::matches)
          .map(variant -> variant.group(1) == null ? variant.group(2) : variant.group(1))
          .filter(variant -> !SHARD.matcher(variant).matches())
          .forEach(variants::add);
    }
    if (variants.size() != 1) {
      throw new IllegalArgumentException(
          "expected %s or one variant of it, found %s".formatted(WEIGHTS, instead(variants)));
    }
    Path variant = network.resolve("%s.%s.safetensors".formatted(STEM, variants.first()));
    return Files.exists(variant)
        ? List.of(variant)
        : shards(network.resolve("%s.index.%s.json".formatted(WEIGHTS, variants.first())));
  }

  private String instead(TreeSet<String> variants) {
    if (!variants.isEmpty()) {
      return "the variants " + String.join(", ", variants);
    }
    return Files.exists(network.resolve(STEM + ".bin"))
        ? "only %s.bin (save it again with save_pretrained(…, safe_serialization=True))"
            .formatted(STEM)
        : "no such file";
  }

  private List<Path> shards(Path index) throws IOException {
    TreeSet<String> names = new TreeSet<>();
    json(index).path("weight_map").forEach(shard -> names.add(shard.asText()));
    for (String name : names) {
      if (!name.equals(String.valueOf(Path.of(name).getFileName()))) {
        throw new IllegalArgumentException(
            "its index names '%s', expected a file beside it".formatted(name));
      }
    }
    return names.stream().map(network::resolve).toList();
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
