package dev.atelier.network.files;

import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which files of a folder diffusers would take: configurations, tokenizers, the weights of one
 * variant as safetensors, and {@code README.md}, which states the licence. Pickled weights, those
 * of other frameworks and of other variants, images and folders of folders are left.
 */
public final class DiffusersFiles {

  private static final Set<String> OF_ROOT =
      Set.of("model_index.json", "config.json", "scheduler_config.json", StatedLicense.FILE);
  // A folder with one of them is a part of a pipeline.
  private static final Set<String> OF_PART =
      Set.of(
          "config.json",
          "scheduler_config.json",
          "preprocessor_config.json",
          "tokenizer_config.json",
          "vocab.json");
  private static final Pattern SMALL = Pattern.compile(".*\\.(json|txt|model)");
  private static final Pattern INDEX = Pattern.compile(".*\\.index(\\..*)?\\.json");
  private static final List<String> STEMS =
      List.of(WeightFiles.DIFFUSERS, WeightFiles.TRANSFORMERS);

  private DiffusersFiles() {}

  /**
   * The files to take of those that a folder has.
   *
   * @param names of all its files, parts separated by {@code /}
   * @param variant of the weights; absent: those without one, else the only one
   * @throws IllegalArgumentException, a clause, if it is no folder of diffusers, or a shard is
   *     missing
   */
  public static List<String> choose(Collection<String> names, Optional<String> variant) {
    Map<String, Set<String>> folders = new TreeMap<>();
    for (String name : names) {
      int slash = name.indexOf('/');
      if (slash == name.lastIndexOf('/')) { // no folder of folders
        folders
            .computeIfAbsent(name.substring(0, Math.max(0, slash)), part -> new TreeSet<>())
            .add(name.substring(slash + 1));
      }
    }
    Set<String> root = folders.getOrDefault("", Set.of());
    String network = network(folders, root);
    List<String> chosen = new ArrayList<>();
    root.stream().filter(OF_ROOT::contains).forEach(chosen::add);
    folders.forEach(
        (part, files) -> {
          if (part.equals(network)) {
            add(chosen, part, smallFiles(part, files));
            add(chosen, part, weights(part, WeightFiles.DIFFUSERS, files, variant, true));
          } else if (DiffusersNetwork.folders().contains(part)) {
            add(chosen, part, files.stream().filter("config.json"::equals).toList());
          } else if (!part.isEmpty() && files.stream().anyMatch(OF_PART::contains)) {
            add(chosen, part, smallFiles(part, files));
            STEMS.forEach(stem -> add(chosen, part, weights(part, stem, files, variant, false)));
          }
        });
    return chosen.stream().distinct().sorted().toList();
  }

  /**
   * The same of a folder of this machine.
   *
   * @throws IllegalArgumentException as {@link #choose}
   */
  public static List<String> of(Path root, Optional<String> variant) throws IOException {
    List<String> names = new ArrayList<>();
    for (Path file : list(root)) {
      String name = file.getFileName().toString();
      if (Files.isDirectory(file)) {
        for (Path inner : list(file)) {
          if (Files.isRegularFile(inner)) {
            names.add(name + "/" + inner.getFileName());
          }
        }
      } else if (Files.isRegularFile(file)) {
        names.add(name);
      }
    }
    return choose(names, variant);
  }

  /**
   * The types of the tensors of those files that have some, by their names.
   *
   * @throws TeacherException if one of them cannot be read
   */
  public static Map<String, List<String>> dtypes(Path root, List<String> names, String source) {
    Map<String, List<String>> dtypes = new TreeMap<>();
    for (String name : names) {
      if (name.endsWith(".safetensors")) {
        try {
          dtypes.put(name, List.copyOf(SafetensorsFile.dtypes(root.resolve(name))));
        } catch (IOException e) {
          throw new TeacherException(
              source,
              "'%s' can't be read as safetensors: %s"
                  .formatted(name, e.getMessage().replaceFirst("\\.$", "")),
              e);
        }
      }
    }
    return dtypes;
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  /** The folder of the network, as {@link DiffusersFolder} finds it. */
  private static String network(Map<String, Set<String>> folders, Set<String> root) {
    return Stream.concat(Stream.of(""), DiffusersNetwork.folders().stream())
        .filter(part -> folders.getOrDefault(part, Set.of()).contains("config.json"))
        .findFirst()
        .orElseThrow(() -> DiffusersFolder.withoutConfig(root));
  }

  private static List<String> smallFiles(String part, Set<String> files) {
    return part.isEmpty()
        ? List.of() // those of the root are named
        : files.stream()
            .filter(file -> SMALL.matcher(file).matches() && !INDEX.matcher(file).matches())
            .toList();
  }

  /**
   * @param required whether the part must have some, and of the variant that is asked for
   */
  private static List<String> weights(
      String part, String stem, Set<String> files, Optional<String> variant, boolean required) {
    WeightNames names = new WeightNames(part, stem, files);
    if (!required && names.isEmpty()) {
      return List.of();
    }
    WeightNames.Choice choice = required ? names.choose(variant) : names.prefer(variant);
    List<String> weights = new ArrayList<>(List.of(choice.file()));
    if (choice.isIndex()) {
      weights.addAll(names.shards(choice));
    }
    return weights;
  }

  private static void add(List<String> chosen, String part, List<String> files) {
    files.forEach(file -> chosen.add(part.isEmpty() ? file : part + "/" + file));
  }
}
