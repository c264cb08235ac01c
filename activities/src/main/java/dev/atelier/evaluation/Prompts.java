package dev.atelier.evaluation;

import dev.atelier.dataset.PackedImages;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;

/** What each sample is to show: a function of its number and the seed. */
public final class Prompts {
  private final PackedImages images;
  private final SeededRandom random;
  private long round = -1;
  private int[] order = {};

  private Prompts(PackedImages images, long seed) {
    this.images = images;
    this.random = new SeededRandom(seed);
  }

  /** A caption of each image once, in random order, and so on. */
  public static Prompts ofCaptions(PackedImages images, long seed) {
    return new Prompts(images, seed);
  }

  /** The prompt of a sample. */
  public synchronized String of(long sample) {
    long now = sample / images.count();
    if (now != round) {
      order = random.permutation(Purpose.PROMPT, now, images.count());
      round = now;
    }
    var captions = images.captions(order[(int) (sample % images.count())]);
    return captions.get(random.stream(Purpose.PROMPT, now, 1 + sample).nextInt(captions.size()));
  }
}
