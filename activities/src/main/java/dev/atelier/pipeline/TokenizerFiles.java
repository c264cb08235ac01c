package dev.atelier.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.atelier.network.files.JsonFile;
import dev.atelier.untrusted.OneLine;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A {@code CLIPTokenizer}'s files as transformers reads them. What is wrong with them is thrown as
 * an {@link IllegalArgumentException}, a clause.
 *
 * @param origin the file of the vocabulary, for messages
 * @param vocabulary ids by token, from 0 on without gaps
 * @param merges in the order in which they are applied: two tokens each
 * @param special tokens that text is searched for, and whether that is text in normal form
 * @param maxLength ids of a text, {@code model_max_length}
 */
record TokenizerFiles(
    String origin,
    Map<String, Integer> vocabulary,
    List<List<String>> merges,
    Map<String, Boolean> special,
    String start,
    String end,
    String pad,
    String unknown,
    int maxLength) {

  private static final String CONFIG = "tokenizer_config.json";
  private static final String WHOLE = "tokenizer.json";
  private static final String VOCABULARY = "vocab.json";
  private static final String MERGES = "merges.txt";
  private static final Set<String> CLASSES = Set.of("CLIPTokenizer", "CLIPTokenizerFast");
  private static final int MAX_LENGTH = 4096; // ids of a text
  private static final int MOST_SHOWN = 100; // characters of a token
  private static final String END = "<|endoftext|>";

  /** What a token is for, by its field, and which one it is where no file says so. */
  private record Role(String field, String absent) {}

  private static final List<Role> ROLES = // in transformers' order
      List.of(
          new Role("bos_token", "<|startoftext|>"),
          new Role("eos_token", END),
          new Role("unk_token", END),
          new Role("pad_token", END));

  static TokenizerFiles read(Path folder) throws IOException {
    if (!Files.exists(folder.resolve(CONFIG))) {
      throw new IllegalArgumentException(
          "expected %s in the folder '%s', found none".formatted(CONFIG, folder.getFileName()));
    }
    JsonNode config = json(folder.resolve(CONFIG));
    JsonNode name = config.path("tokenizer_class");
    if (!name.isMissingNode() && !CLASSES.contains(name.asText())) {
      throw new IllegalArgumentException(
          "%s: tokenizer_class is %s, supported: CLIPTokenizer".formatted(CONFIG, name));
    }
    JsonNode length = config.path("model_max_length");
    if (!length.isInt() || length.asInt() < 2 || length.asInt() > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "%s: model_max_length is %s, supported: a whole number from 2 to %d"
              .formatted(CONFIG, length.isMissingNode() ? "missing" : length, MAX_LENGTH));
    }
    boolean whole = Files.exists(folder.resolve(WHOLE));
    JsonNode tokenizer =
        whole ? json(folder.resolve(WHOLE)) : JsonNodeFactory.instance.missingNode();
    String origin = whole ? WHOLE : VOCABULARY;
    Map<String, Integer> vocabulary =
        vocabulary(origin, whole ? model(tokenizer).path("vocab") : vocabularyFile(folder));
    List<List<String>> merges =
        whole ? merges(model(tokenizer).path("merges")) : mergesFile(folder.resolve(MERGES));
    Map<String, JsonNode> roles = roles(folder, config);
    Map<String, Boolean> special = special(vocabulary, config, tokenizer, roles);
    for (String token : special.keySet()) {
      if (!vocabulary.containsKey(token)) {
        throw new IllegalArgumentException(
            "%s has no token '%s', which is a special one".formatted(origin, shown(token)));
      }
    }
    return new TokenizerFiles(
        origin,
        vocabulary,
        merges,
        special,
        content(roles.get("bos_token")),
        content(roles.get("eos_token")),
        content(roles.get("pad_token")),
        content(roles.get("unk_token")),
        length.asInt());
  }

  private static JsonNode model(JsonNode tokenizer) {
    JsonNode model = tokenizer.path("model");
    if (!model.path("type").asText().equals("BPE")) {
      throw new IllegalArgumentException(
          "%s: model.type is %s, supported: \"BPE\""
              .formatted(
                  WHOLE, model.has("type") ? shown(model.get("type").toString()) : "missing"));
    }
    return model;
  }

  private static JsonNode vocabularyFile(Path folder) throws IOException {
    for (String name : List.of(VOCABULARY, MERGES)) {
      if (!Files.exists(folder.resolve(name))) {
        throw new IllegalArgumentException(
            "expected %s and %s, or %s, in the folder '%s', found no %s"
                .formatted(VOCABULARY, MERGES, WHOLE, folder.getFileName(), name));
      }
    }
    return json(folder.resolve(VOCABULARY));
  }

  private static Map<String, Integer> vocabulary(String origin, JsonNode ids) {
    Map<String, Integer> vocabulary = new HashMap<>();
    Map<Integer, String> tokens = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : ids.properties()) {
      JsonNode id = entry.getValue();
      if (!id.isInt() || id.asInt() < 0 || id.asInt() >= ids.size()) {
        throw new IllegalArgumentException(
            "%s: the id of '%s' is %s, expected one from 0 to %d, as it has %d tokens"
                .formatted(
                    origin,
                    shown(entry.getKey()),
                    shown(id.toString()),
                    ids.size() - 1,
                    ids.size()));
      }
      vocabulary.put(entry.getKey(), id.asInt());
      String other = tokens.put(id.asInt(), entry.getKey());
      if (other != null) {
        throw new IllegalArgumentException(
            "%s: '%s' and '%s' have the same id %s"
                .formatted(origin, shown(other), shown(entry.getKey()), id));
      }
    }
    if (vocabulary.isEmpty()) {
      throw new IllegalArgumentException(
          "%s: expected an object of tokens and their ids, found none".formatted(origin));
    }
    return vocabulary;
  }

  private static List<List<String>> mergesFile(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException("%s is no file".formatted(MERGES));
    }
    List<List<String>> merges = new ArrayList<>();
    try {
      for (String line : Files.readAllLines(file)) {
        if (!line.startsWith("#version")) {
          merges.add(merge(MERGES, line));
        }
      }
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("%s is no text in UTF-8".formatted(MERGES), e);
    }
    return merges;
  }

  private static List<List<String>> merges(JsonNode found) {
    List<List<String>> merges = new ArrayList<>();
    for (JsonNode pair : found) {
      merges.add(
          merge(
              WHOLE,
              pair.isArray() && pair.size() == 2
                  ? pair.get(0).asText() + " " + pair.get(1).asText()
                  : pair.asText()));
    }
    return merges;
  }

  private static List<String> merge(String origin, String line) {
    List<String> pair = List.of(line.split(" ", -1));
    if (pair.size() != 2) {
      throw new IllegalArgumentException(
          "%s: the merge '%s' has %d parts, expected 2"
              .formatted(origin, shown(line), pair.size()));
    }
    return pair;
  }

  /** Each role's token, a string or an object; special_tokens_map.json is older, and wins. */
  private static Map<String, JsonNode> roles(Path folder, JsonNode config) throws IOException {
    Path older = folder.resolve("special_tokens_map.json");
    JsonNode map =
        Files.exists(older) && !config.has("added_tokens_decoder")
            ? json(older)
            : JsonNodeFactory.instance.objectNode();
    Map<String, JsonNode> roles = new LinkedHashMap<>();
    for (Role role : ROLES) {
      JsonNode absent = JsonNodeFactory.instance.textNode(role.absent());
      JsonNode token = map.path(role.field());
      token = token.isMissingNode() ? config.path(role.field()) : token;
      token = token.isMissingNode() ? absent : token;
      if (content(token).isEmpty()) {
        throw new IllegalArgumentException(
            "%s is %s, expected a token".formatted(role.field(), shown(token.toString())));
      }
      roles.put(role.field(), token);
    }
    return roles;
  }

  private static Map<String, Boolean> special(
      Map<String, Integer> vocabulary,
      JsonNode config,
      JsonNode tokenizer,
      Map<String, JsonNode> roles) {
    Map<String, Boolean> special = new LinkedHashMap<>();
    JsonNode described =
        config.has("added_tokens_decoder")
            ? config.get("added_tokens_decoder")
            : tokenizer.path("added_tokens");
    requireOwnIds(vocabulary, config.path("added_tokens_decoder"));
    described.forEach(token -> special.put(content(token), inNormalForm(token)));
    Set<String> known = Set.copyOf(special.keySet());
    for (JsonNode token : roles.values()) { // of two that name the same, the later one holds
      if (!known.contains(content(token))) {
        special.put(content(token), inNormalForm(token));
      }
    }
    return special;
  }

  /** {@code added}: tokens by ids, which a vocabulary may not have otherwise. */
  private static void requireOwnIds(Map<String, Integer> vocabulary, JsonNode added) {
    for (Map.Entry<String, JsonNode> entry : added.properties()) {
      Integer id = vocabulary.get(content(entry.getValue()));
      if (id != null && !entry.getKey().equals(id.toString())) {
        throw new IllegalArgumentException(
            "%s: added_tokens_decoder gives '%s' the id %s, but its vocabulary %d"
                .formatted(CONFIG, shown(content(entry.getValue())), shown(entry.getKey()), id));
      }
    }
  }

  private static String content(JsonNode token) {
    return token.isObject() ? token.path("content").asText() : token.asText("");
  }

  private static boolean inNormalForm(JsonNode token) {
    for (String field : List.of("lstrip", "rstrip", "single_word")) {
      if (token.path(field).asBoolean()) {
        throw new IllegalArgumentException(
            "the special token '%s' has %s true, supported: false"
                .formatted(shown(content(token)), field));
      }
    }
    return token.path("normalized").asBoolean();
  }

  private static String shown(String text) {
    return OneLine.of(text, MOST_SHOWN);
  }

  private static JsonNode json(Path file) throws IOException {
    return JsonFile.read(file, file.getFileName().toString());
  }
}
