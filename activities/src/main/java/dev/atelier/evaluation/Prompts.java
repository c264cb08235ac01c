package dev.atelier.evaluation;

import dev.atelier.dataset.PackedImages;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.LongStream;

/** What each sample is to show: a function of its number and the seed. */
public final class Prompts {
  private final int things;
  private final IntFunction<List<String>> texts;
  private final SeededRandom random;
  private long round = -1;
  private int[] order = {};

  private Prompts(int things, IntFunction<List<String>> texts, long seed) {
    this.things = things;
    this.texts = texts;
    this.random = new SeededRandom(seed);
  }

  /** A caption of each image once, in random order, and so on. */
  public static Prompts ofCaptions(PackedImages images, long seed) {
    return new Prompts(images.count(), images::captions, seed);
  }

  /** A text of each thing once, in random order, and so on. */
  public static Prompts of(PromptSource source, long seed) {
    return new Prompts(source.texts().size(), source.texts()::get, seed);
  }

  /** The prompt of a sample. */
  public synchronized String of(long sample) {
    long now = sample / things;
    if (now != round) {
      order = random.permutation(Purpose.PROMPT, now, things);
      round = now;
    }
    List<String> own = texts.apply(order[(int) (sample % things)]);
    return own.get(random.stream(Purpose.PROMPT, now, 1 + sample).nextInt(own.size()));
  }

  /** The prompts of {@code count} samples from {@code first} on. */
  public List<String> of(long first, int count) {
    return LongStream.range(first, first + count).mapToObj(this::of).toList();
  }
}
