package dev.atelier.pipeline;

import dev.atelier.untrusted.OneLine;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Byte-pair encoding of a word: its bytes, the last of which ends the word, of which the pair that
 * comes first among the merges is joined until no pair is left. Sennrich et al. 2016; over bytes:
 * Radford et al. 2019.
 */
final class BytePairs {

  /** Ends the last token of each word. */
  static final String END_OF_WORD = "</w>";

  private static final char[] LETTERS = letters();
  private static final int MOST_SHOWN = 100; // characters of a token

  private record Pair(int left, int right) {}

  /** What a pair becomes; the lower rank is joined first. */
  private record Joined(int rank, int token) {}

  /** A pair that may be joined: that of the symbol at {@code position} and the one after it. */
  private record Candidate(int rank, int position, int left, int right) {}

  private final Map<String, Integer> vocabulary;
  private final Map<Pair, Joined> merges = new HashMap<>();
  private final int unknown;

  /**
   * From a vocabulary.
   *
   * @param merges in the order in which they are applied: two tokens each
   * @param unknown the token of a byte that {@code vocabulary} lacks
   * @throws IllegalArgumentException if a merge reads or makes what is no token, as a clause
   */
  BytePairs(Map<String, Integer> vocabulary, List<List<String>> merges, int unknown) {
    this.vocabulary = vocabulary;
    this.unknown = unknown;
    for (int rank = 0; rank < merges.size(); rank++) {
      List<String> pair = merges.get(rank);
      String both = String.join("", pair);
      for (String token : List.of(pair.get(0), pair.get(1), both)) {
        if (!vocabulary.containsKey(token)) {
          throw new IllegalArgumentException(
              "its merge '%s' needs the token '%s', which its vocabulary lacks"
                  .formatted(
                      OneLine.of(String.join(" ", pair), MOST_SHOWN),
                      OneLine.of(token, MOST_SHOWN)));
        }
      }
      this.merges.put(
          new Pair(vocabulary.get(pair.get(0)), vocabulary.get(pair.get(1))),
          new Joined(rank, vocabulary.get(both)));
    }
  }

  /** What stands for each byte. */
  static List<String> alphabet() {
    return new String(LETTERS).chars().mapToObj(c -> String.valueOf((char) c)).toList();
  }

  /** The tokens of a word that isn't empty. */
  List<Integer> tokens(String word) {
    byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
    int[] symbols = new int[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      String letter = String.valueOf(LETTERS[bytes[i] & 0xff]);
      String token = i == bytes.length - 1 ? letter + END_OF_WORD : letter;
      symbols[i] = vocabulary.getOrDefault(token, unknown);
    }
    return new Word(symbols).joined();
  }

  /** The symbols of a word; one that was joined to the one before it is gone. */
  private final class Word {
    private static final int GONE = -1;
    private final int[] symbols;
    private final int[] next;
    private final int[] previous;
    // By rank, then from the left.
    private final PriorityQueue<Candidate> candidates =
        new PriorityQueue<>(
            Comparator.comparingInt(Candidate::rank).thenComparingInt(Candidate::position));

    Word(int[] symbols) {
      this.symbols = symbols;
      next = new int[symbols.length];
      previous = new int[symbols.length];
      for (int i = 0; i < symbols.length; i++) {
        next[i] = i + 1;
        previous[i] = i - 1;
      }
      for (int i = 0; i < symbols.length; i++) {
        consider(i);
      }
    }

    private void consider(int position) {
      if (position < 0 || next[position] >= symbols.length) {
        return;
      }
      Pair pair = new Pair(symbols[position], symbols[next[position]]);
      Joined joined = merges.get(pair);
      if (joined != null) {
        candidates.add(new Candidate(joined.rank(), position, pair.left(), pair.right()));
      }
    }

    List<Integer> joined() {
      while (!candidates.isEmpty()) {
        Candidate candidate = candidates.remove();
        int left = candidate.position();
        int right = next[left];
        boolean stands =
            right < symbols.length
                && symbols[left] == candidate.left()
                && symbols[right] == candidate.right();
        if (stands) {
          join(left, right);
        }
      }
      List<Integer> tokens = new ArrayList<>();
      for (int i = 0; i < symbols.length; i = next[i]) {
        tokens.add(symbols[i]);
      }
      return tokens;
    }

    private void join(int left, int right) {
      symbols[left] = merges.get(new Pair(symbols[left], symbols[right])).token();
      symbols[right] = GONE;
      next[left] = next[right];
      if (next[left] < symbols.length) {
        previous[next[left]] = left;
      }
      consider(previous[left]);
      consider(left);
    }
  }

  /** The character that stands for each byte: itself where it can be seen, else one from 256 on. */
  private static char[] letters() {
    char[] letters = new char[256];
    int unseen = 256;
    for (int b = 0; b < letters.length; b++) {
      boolean seen = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      letters[b] = (char) (seen ? b : unseen++);
    }
    return letters;
  }
}
