package dev.atelier.network.files;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsException;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.untrusted.OneLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
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
 * @param part name of their folder in the pipeline, for messages; empty: the pipeline's own
 * @param files one, or the shards in the order of their names
 * @param variant of them; absent: they have none
 */
public record WeightFiles(String part, List<Path> files, Optional<String> variant) {

  /** What diffusers calls the weights of its networks: U-Net, transformer, VAE. */
  public static final String DIFFUSERS = "diffusion_pytorch_model";

  /** What transformers calls those of its own: text and image encoders, safety checker. */
  public static final String TRANSFORMERS = "model";

  private static final int MOST_SHOWN = 200; // characters of a name

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

  /**
   * The files of a folder that {@link #preferring} would read, told by the names of its files.
   *
   * @throws IllegalArgumentException if there are none, as a clause
   */
  public static List<String> choose(Collection<String> names, String stem) {
    Set<String> own =
        names.stream().filter(name -> !name.contains("/")).collect(Collectors.toSet());
    WeightNames weights = new WeightNames("", stem, own);
    WeightNames.Choice choice = weights.prefer(Optional.empty());
    List<String> chosen = new ArrayList<>(List.of(choice.file()));
    chosen.addAll(choice.isIndex() ? weights.shards(choice) : List.of());
    return chosen;
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
        names.part(), choice.isIndex() ? shards(file, names) : List.of(file), choice.variant());
  }

  private static List<Path> shards(Path index, WeightNames names) throws IOException {
    String part = names.part().isEmpty() ? "" : names.part() + "/";
    String shown = part + index.getFileName();
    Set<String> shards = new TreeSet<>();
    JsonFile.read(index, shown)
        .path("weight_map")
        .properties()
        .forEach(entry -> shards.add(entry.getValue().asText()));
    if (shards.isEmpty()) {
      throw new IllegalArgumentException("%s names no shard".formatted(shown));
    }
    for (String shard : shards) {
      if (!names.names().contains(shard)) {
        String named = "%s names the shard '%s'".formatted(shown, OneLine.of(shard, MOST_SHOWN));
        throw new IllegalArgumentException(
            shard.contains("/")
                ? named + ", expected a file beside it"
                : named + ", which is not there");
      }
    }
    return shards.stream().map(index::resolveSibling).toList();
  }

  /**
   * All tensors by name; half precision is read as float32.
   *
   * @throws IllegalArgumentException if a file is no safetensors file, or a tensor is in two of
   *     them, as a clause
   */
  public Map<String, HostTensor> tensors() {
    return read().tensors();
  }

  /** As {@link #tensors}, with the types that they are stored in. */
  Read read() {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    Set<String> dtypes = new TreeSet<>();
    Map<String, Path> found = new HashMap<>();
    for (Path file : files) {
      SafetensorsFile content = open(file);
      dtypes.addAll(content.dtypes());
      content
          .tensors()
          .forEach(
              (name, tensor) -> {
                Path other = found.put(name, file);
                if (other != null) {
                  throw new IllegalArgumentException(
                      "the tensor '%s' is in %s and in %s, expected it once"
                          .formatted(OneLine.of(name, MOST_SHOWN), shown(other), shown(file)));
                }
                tensors.put(name, tensor);
              });
    }
    return new Read(tensors, dtypes);
  }

  /** What files hold: tensors by name, and the types that they are stored in. */
  record Read(Map<String, HostTensor> tensors, Set<String> dtypes) {}

  private SafetensorsFile open(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException("%s is no file".formatted(shown(file)));
    }
    try {
      return SafetensorsFile.read(file);
    } catch (SafetensorsException e) {
      throw new IllegalArgumentException(
          "%s can't be read as safetensors: %s".formatted(shown(file), e.reason()), e);
    } catch (IOException e) {
      throw new IllegalArgumentException("%s can't be read: %s".formatted(shown(file), e), e);
    }
  }

  private String shown(Path file) {
    return part.isEmpty() ? file.getFileName().toString() : part + "/" + file.getFileName();
  }
}
