package dev.atelier.pipeline;

import java.io.IOException;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * CLIP's tokenizer: text in lower case as ids of byte pairs, between a token that starts it and one
 * that ends it. Equal to {@code CLIPTokenizer} of transformers 5, which was {@code
 * CLIPTokenizerFast} before; letters younger than the JDK's Unicode count as punctuation. Radford
 * et al. 2021.
 */
public final class ClipTokenizer {

  private static final Pattern SPACES = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern WORD =
      Pattern.compile(
          "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|\\p{L}+|\\p{N}|[^\\s\\p{L}\\p{N}]+",
          Pattern.UNICODE_CHARACTER_CLASS);
  // Splits once more the names of special tokens that were no special tokens.
  private static final Pattern PIECE =
      Pattern.compile(
          "\\p{L}+|\\p{N}|'\\p{L}+|[^\\s\\p{L}\\p{N}]+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final int DOTTED_CAPITAL_I = 0x130; // the one letter whose small form is two

  private final Map<String, Integer> vocabulary;
  private final BytePairs pairs;
  private final Pattern specialInText;
  private final Pattern specialInNormalisedText;
  private final int start;
  private final int end;
  private final int pad;
  private final int maxLength;

  private ClipTokenizer(TokenizerFiles files) {
    vocabulary = files.vocabulary();
    start = vocabulary.get(files.start());
    end = vocabulary.get(files.end());
    pad = vocabulary.get(files.pad());
    pairs = new BytePairs(vocabulary, files.merges(), vocabulary.get(files.unknown()));
    specialInText = anyOf(files.special(), false);
    specialInNormalisedText = anyOf(files.special(), true);
    maxLength = files.maxLength();
  }

  /**
   * Reads the folder {@code tokenizer} of a pipeline: tokenizer_config.json, and vocab.json with
   * merges.txt or tokenizer.json.
   *
   * @throws IllegalArgumentException naming the file and what is wrong with it, as a clause
   */
  public static ClipTokenizer read(Path folder) throws IOException {
    TokenizerFiles files = TokenizerFiles.read(folder);
    try {
      return new ClipTokenizer(files);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("%s: %s".formatted(files.origin(), e.getMessage()), e);
    }
  }

  /** Number of tokens. */
  public int size() {
    return vocabulary.size();
  }

  /** The id of the token that ends each text. */
  public int end() {
    return end;
  }

  /** Ids of a text for a text encoder: at most these. */
  public int maxLength() {
    return maxLength;
  }

  /** The ids of a text, however many, from the token that starts it to the one that ends it. */
  public int[] ids(String text) {
    List<Integer> ids = new ArrayList<>();
    ids.add(start);
    between(
        specialInText,
        text,
        ids,
        raw ->
            between(specialInNormalisedText, normalised(raw), ids, words -> addWords(words, ids)));
    ids.add(end);
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  /** {@link #maxLength} ids: those of a longer text are cut before the end, others are padded. */
  public int[] paddedIds(String text) {
    int[] ids = ids(text);
    int[] padded = Arrays.copyOf(ids, maxLength);
    if (ids.length < maxLength) {
      Arrays.fill(padded, ids.length, maxLength, pad);
    } else {
      padded[maxLength - 1] = end;
    }
    return padded;
  }

  /** Whether a text is cut to {@link #maxLength} ids. */
  public boolean truncates(String text) {
    return ids(text).length > maxLength;
  }

  /** Special tokens are ids at once; {@code rest} gets what lies between them. */
  private void between(Pattern special, String text, List<Integer> ids, Consumer<String> rest) {
    Matcher token = special.matcher(text);
    int from = 0;
    while (token.find()) {
      rest.accept(text.substring(from, token.start()));
      ids.add(vocabulary.get(token.group()));
      from = token.end();
    }
    rest.accept(text.substring(from));
  }

  private void addWords(String text, List<Integer> ids) {
    Matcher word = WORD.matcher(text);
    while (word.find()) {
      Matcher piece = PIECE.matcher(word.group());
      while (piece.find()) {
        ids.addAll(pairs.tokens(piece.group()));
      }
    }
  }

  private static String normalised(String text) {
    String composed = Normalizer.normalize(text, Normalizer.Form.NFC);
    StringBuilder lower = new StringBuilder();
    SPACES
        .matcher(composed)
        .replaceAll(" ")
        .codePoints()
        .forEach(
            c -> {
              lower.appendCodePoint(c == DOTTED_CAPITAL_I ? 'i' : Character.toLowerCase(c));
              if (c == DOTTED_CAPITAL_I) {
                lower.append('\u0307');
              }
            });
    return lower.toString();
  }

  /** Any of the special tokens that are looked for in text that was, or was not, normalised. */
  private static Pattern anyOf(Map<String, Boolean> special, boolean normalised) {
    List<String> tokens =
        special.keySet().stream()
            .filter(token -> special.get(token) == normalised)
            .sorted(Comparator.comparingInt(String::length).reversed())
            .toList();
    return tokens.isEmpty()
        ? Pattern.compile("(?!)") // none
        : Pattern.compile(tokens.stream().map(Pattern::quote).collect(Collectors.joining("|")));
  }
}
