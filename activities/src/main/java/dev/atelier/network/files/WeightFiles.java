package dev.atelier.network.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The safetensors files of one network of a pipeline, as diffusers and transformers name them: one
 * file, or the shards that an index names; of the weights that have no variant, or of a variant
 * such as {@code fp16}. What is wrong with them is thrown as an {@link IllegalArgumentException}, a
 * clause.
 *
 * @param files one, or the shards in the order of their names
 * @param variant of them; absent: they have none
 */
public record WeightFiles(List<Path> files, Optional<String> variant) {

  /** What diffusers calls the weights of its networks: U-Net, transformer, VAE. */
  public static final String DIFFUSERS = "diffusion_pytorch_model";

  /** What transformers calls those of its own: text and image encoders, safety checker. */
  public static final String TRANSFORMERS = "model";

  private static final ObjectMapper JSON = new ObjectMapper();

  public WeightFiles {
    files = List.copyOf(files);
  }

  /**
   * The weights in a folder of a pipeline.
   *
   * @param root the pipeline's folder
   * @param part name of the network's folder in it; empty: the network lies in the root
   * @param stem {@link #DIFFUSERS} or {@link #TRANSFORMERS}
   * @param variant the one to take; absent: the weights without one, else the only one
   */
  public static WeightFiles of(Path root, String part, String stem, Optional<String> variant)
      throws IOException {
    WeightNames names = names(root, part, stem);
    return of(root.resolve(part), names, names.choose(variant));
  }

  /** As {@link #of}, but of weights without that variant where the folder has none such. */
  public static WeightFiles preferring(
      Path root, String part, String stem, Optional<String> variant) throws IOException {
    WeightNames names = names(root, part, stem);
    return of(root.resolve(part), names, names.prefer(variant));
  }

  private static WeightNames names(Path root, String part, String stem) throws IOException {
    try (Stream<Path> files = Files.list(root.resolve(part))) {
      return new WeightNames(
          part, stem, files.map(file -> file.getFileName().toString()).collect(Collectors.toSet()));
    }
  }

  private static WeightFiles of(Path folder, WeightNames names, WeightNames.Choice choice)
      throws IOException {
    Path file = folder.resolve(choice.file());
    return new WeightFiles(
        choice.isIndex() ? shards(file, names) : List.of(file), choice.variant());
  }

  private static List<Path> shards(Path index, WeightNames names) throws IOException {
    String part = names.part().isEmpty() ? "" : names.part() + "/";
    String shown = part + index.getFileName();
    Set<String> shards = new TreeSet<>();
    json(index, shown).path("weight_map").forEach(shard -> shards.add(shard.asText()));
    if (shards.isEmpty()) {
      throw new IllegalArgumentException("%s names no shard".formatted(shown));
    }
    for (String shard : shards) {
      if (!names.names().contains(shard)) {
        boolean elsewhere = !shard.equals(String.valueOf(Path.of(shard).getFileName()));
        throw new IllegalArgumentException(
            elsewhere
                ? "%s names the shard '%s', expected a file beside it".formatted(shown, shard)
                : "%s names the shard '%s', which is not there".formatted(shown, shard));
      }
    }
    return shards.stream().map(index::resolveSibling).toList();
  }

  private static JsonNode json(Path file, String shown) throws IOException {
    try {
      return JSON.readTree(file.toFile());
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "%s is no JSON (%s)".formatted(shown, e.getOriginalMessage()), e);
    }
  }

  /**
   * All tensors by name; half precision is read as float32.
   *
   * @throws IOException if a file is no safetensors file; the message says what is wrong
   */
  public Map<String, HostTensor> tensors() throws IOException {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (Path file : files) {
      tensors.putAll(SafetensorsFile.read(file).tensors());
    }
    return tensors;
  }
}
