package dev.atelier.network;

import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import dev.atelier.spec.NetworkSpecBuilder;
import java.util.List;
import java.util.Optional;

/** Small U-Nets of two levels that read texts at the first one and in the middle. */
public final class TextNetworks {

  private TextNetworks() {}

  /** The same, reading texts of {@code tokens} tokens of this width. */
  public static NetworkSpecBuilder reading(NetworkSpecBuilder unet, int width, int tokens) {
    return unet.blocks(
            Optional.of(
                new BlocksSpec(
                    List.of(Block.CROSS_ATTENTION, Block.PLAIN),
                    Middle.CROSS_ATTENTION,
                    List.of(Block.PLAIN, Block.CROSS_ATTENTION))))
        .crossAttention(
            Optional.of(new CrossAttentionSpec(width, tokens, Optional.empty(), false)));
  }

  /**
   * As {@code feature_places_fixture.py} and its neighbours have it: 4 × 8 × 8, texts of 7 × 12.
   */
  public static Network ofWidth(int width) {
    return Network.of(
        reading(
                NetworkSpecBuilder.builder()
                    .channels(width)
                    .multipliers(List.of(1, 2))
                    .resBlocks(1)
                    .attentionHeads(2)
                    .groups(Optional.of(4))
                    .variant(Optional.of(NetworkSpec.Variant.DIFFUSERS)),
                12,
                7)
            .build(),
        8,
        4);
  }
}
