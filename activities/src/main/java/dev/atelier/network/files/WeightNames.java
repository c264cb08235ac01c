package dev.atelier.network.files;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which weights a folder has, told by the names of its files alone. What is wrong with them is
 * thrown as an {@link IllegalArgumentException}, a clause.
 *
 * @param part the folder in its pipeline, for messages; empty: the pipeline's own
 * @param stem what its weights are called, see {@link WeightFiles}
 * @param names of its files
 */
record WeightNames(String part, String stem, Set<String> names) {

  private static final String ENDING = ".safetensors";
  private static final Pattern NUMBERED = Pattern.compile("(.*)-(\\d{1,6})-of-(\\d{1,6})");
  // Pickled, or of other frameworks: none of them is read.
  private static final Pattern OTHER = Pattern.compile(".*\\.(bin|ckpt|pt|pth|msgpack|h5|onnx)");

  /**
   * The weights that were chosen.
   *
   * @param file the whole, or the index that names its shards
   * @param variant absent: they have none
   */
  record Choice(String file, boolean isIndex, Optional<String> variant) {}

  WeightNames {
    names = Set.copyOf(names);
  }

  /** The asked variant, else the weights without one, else the only variant. */
  Choice choose(Optional<String> asked) {
    Set<String> variants = variants();
    Optional<String> only = variants.size() == 1 ? variants.stream().findFirst() : Optional.empty();
    return find(asked)
        .or(() -> asked.isEmpty() ? only.flatMap(variant -> find(only)) : Optional.empty())
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    asked.isPresent()
                        ? "expected the variant %s (teacher.variant) of %s, found %s"
                            .formatted(asked.get(), shown(stem + ENDING), found(variants))
                        : "expected %s or one variant of it, found %s"
                            .formatted(shown(stem + ENDING), found(variants))));
  }

  /** As {@link #choose}, but of the weights without that variant where the folder has none such. */
  Choice prefer(Optional<String> asked) {
    return choose(find(asked).isPresent() ? asked : Optional.empty());
  }

  /** Whether there are any, of whatever variant. */
  boolean isEmpty() {
    return find(Optional.empty()).isEmpty() && variants().isEmpty();
  }

  /**
   * The shards that an index is likely to name: those with its number in their names, or where no
   * file has one, all weights of the folder.
   */
  List<String> shards(Choice index) {
    SortedMap<Integer, SortedMap<Integer, String>> byCount = new TreeMap<>();
    for (String name : names) {
      numbered(name, index.variant())
          .ifPresent(
              parts ->
                  byCount
                      .computeIfAbsent(Integer.parseInt(parts.group(3)), count -> new TreeMap<>())
                      .put(Integer.parseInt(parts.group(2)), name));
    }
    if (byCount.isEmpty()) {
      return names.stream().filter(name -> name.endsWith(ENDING)).sorted().toList();
    }
    List<String> whole = new ArrayList<>();
    // A number of shards that is not whole may be left from an earlier save.
    byCount.forEach(
        (count, shards) -> whole.addAll(shards.size() >= count ? shards.values() : List.of()));
    if (whole.isEmpty()) {
      SortedMap<Integer, String> shards = byCount.get(byCount.lastKey());
      int lacking = 1;
      while (shards.containsKey(lacking)) {
        lacking++;
      }
      throw new IllegalArgumentException(
          "the shard '%s' of %s is not there"
              .formatted(
                  shards
                      .get(shards.firstKey())
                      .replaceFirst("-\\d+-of-", "-%05d-of-".formatted(lacking)),
                  shown(index.file())));
    }
    return whole;
  }

  /** Base, number and count of a shard's name; empty: it is not one of these weights. */
  private Optional<Matcher> numbered(String name, Optional<String> variant) {
    if (!name.endsWith(ENDING)) {
      return Optional.empty();
    }
    String base = name.substring(0, name.length() - ENDING.length());
    String suffix = variant.map(v -> "." + v).orElse("");
    // model.fp16-00001-of-00002, of old model-00001-of-00002.fp16
    Matcher now = NUMBERED.matcher(base);
    Matcher former =
        NUMBERED.matcher(
            base.endsWith(suffix) ? base.substring(0, base.length() - suffix.length()) : "");
    return Stream.of(now, former)
        .filter(
            parts -> parts.matches() && parts.group(1).equals(stem + (parts == now ? suffix : "")))
        .findFirst();
  }

  private Optional<Choice> find(Optional<String> variant) {
    String file = variant.map(v -> stem + "." + v).orElse(stem) + ENDING;
    if (names.contains(file)) {
      return Optional.of(new Choice(file, false, variant));
    }
    List<String> indices =
        variant.isEmpty()
            ? List.of(stem + ENDING + ".index.json")
            : List.of(
                "%s%s.index.%s.json".formatted(stem, ENDING, variant.get()),
                "%s%s.%s.index.json".formatted(stem, ENDING, variant.get())); // of old
    return indices.stream()
        .filter(names::contains)
        .findFirst()
        .map(index -> new Choice(index, true, variant));
  }

  private Set<String> variants() {
    String quoted = Pattern.quote(stem);
    Pattern named =
        Pattern.compile(
            "%s\\.(?:([^.]+)\\.safetensors|safetensors\\.index\\.([^.]+)\\.json|safetensors\\.([^.]+)\\.index\\.json)"
                .formatted(quoted));
    TreeSet<String> variants = new TreeSet<>();
    for (String name : names) {
      Matcher variant = named.matcher(name);
      if (variant.matches()) {
        for (int group = 1; group <= variant.groupCount(); group++) {
          Optional.ofNullable(variant.group(group))
              .filter(word -> !NUMBERED.matcher(word).matches())
              .ifPresent(variants::add);
        }
      }
    }
    return variants;
  }

  private String found(Set<String> variants) {
    String others = variants.isEmpty() ? "" : "the variants " + String.join(", ", variants);
    if (find(Optional.empty()).isPresent()) {
      return others.isEmpty() ? "only weights without a variant" : "none and " + others;
    }
    if (!others.isEmpty()) {
      return variants.size() > 1 ? others + " (teacher.variant says which)" : others;
    }
    List<String> other =
        names.stream().filter(name -> OTHER.matcher(name).matches()).sorted().limit(3).toList();
    return other.isEmpty()
        ? "no such file"
        : "only %s (save it again with save_pretrained(…, safe_serialization=True))"
            .formatted(String.join(", ", other));
  }

  private String shown(String file) {
    return part.isEmpty() ? file : part + "/" + file;
  }
}
