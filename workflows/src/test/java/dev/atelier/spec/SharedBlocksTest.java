package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.LatentsSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.StudentsSpec.StartFrom;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SharedBlocksTest {

  private static final int RESOLUTION = 64;

  /** As Stable Diffusion: four levels of latents, the two last ones equally wide. */
  private static NetworkSpecBuilder stableDiffusion(int levels, int resBlocks, Middle middle) {
    List<Block> kinds =
        List.of(Block.CROSS_ATTENTION, Block.CROSS_ATTENTION, Block.CROSS_ATTENTION, Block.PLAIN);
    List<Block> down = kinds.subList(0, levels);
    List<Block> up = IntStream.range(0, levels).mapToObj(i -> down.get(levels - 1 - i)).toList();
    return NetworkSpecBuilder.builder()
        .channels(16)
        .multipliers(List.of(1, 2, 4, 4).subList(0, levels))
        .resBlocks(resBlocks)
        .attentionHeads(2)
        .groups(Optional.of(8))
        .blocks(Optional.of(new BlocksSpec(down, middle, up)))
        .crossAttention(Optional.of(new CrossAttentionSpec(24, 7, Optional.empty(), false)))
        .latents(Optional.of(new LatentsSpec(4, 2)));
  }

  private static final NetworkSpec TEACHER = stableDiffusion(4, 2, Middle.CROSS_ATTENTION).build();

  private static NetworkSpec transformer(int layers, int heads) {
    return NetworkSpec.of(new TransformerSpec(2, layers, heads, 8, null, null));
  }

  private static SharedBlocks blocks(NetworkSpec teacher, NetworkSpec student) {
    return new SharedBlocks(teacher, student, RESOLUTION);
  }

  private static String fault(NetworkSpec student) {
    return blocks(TEACHER, student).fault().orElse("none");
  }

  @Test
  void shouldKeepTheFirstBlocksOfEachLevelAndTheLastOfTheDecoder() {
    SharedBlocks base = blocks(TEACHER, stableDiffusion(4, 1, Middle.CROSS_ATTENTION).build());
    assertThat(base.fault()).isEmpty();
    assertThat(base.inTeacher("down_blocks.1.resnets.0.conv1.weight"))
        .isEqualTo("down_blocks.1.resnets.0.conv1.weight");
    assertThat(base.inTeacher("up_blocks.1.resnets.0.conv1.weight"))
        .isEqualTo("up_blocks.1.resnets.0.conv1.weight");
    assertThat(base.inTeacher("up_blocks.1.attentions.1.proj_in.bias"))
        .isEqualTo("up_blocks.1.attentions.2.proj_in.bias");
    assertThat(base.inTeacher("up_blocks.1.upsamplers.0.conv.weight"))
        .isEqualTo("up_blocks.1.upsamplers.0.conv.weight");
  }

  @Test
  void shouldLeaveOutTheMiddleAndTheInnermostLevel() {
    assertThat(fault(stableDiffusion(4, 1, Middle.NONE).build())).isEqualTo("none");
    SharedBlocks tiny = blocks(TEACHER, stableDiffusion(3, 1, Middle.NONE).build());
    assertThat(tiny.fault()).isEmpty();
    assertThat(tiny.inTeacher("up_blocks.0.resnets.1.conv2.bias"))
        .isEqualTo("up_blocks.1.resnets.2.conv2.bias");
    assertThat(tiny.inTeacher("up_blocks.1.upsamplers.0.conv.bias"))
        .isEqualTo("up_blocks.2.upsamplers.0.conv.bias");
  }

  @Test
  void shouldKeepLayersOfATransformerThatAreAsFarApartAsCanBe() {
    SharedBlocks third = blocks(transformer(12, 2), transformer(3, 2));
    assertThat(third.fault()).isEmpty();
    assertThat(
            IntStream.range(0, 3)
                .mapToObj(
                    i -> third.inTeacher("transformer_blocks.%d.attn1.to_q.bias".formatted(i))))
        .containsExactly(
            "transformer_blocks.0.attn1.to_q.bias",
            "transformer_blocks.6.attn1.to_q.bias",
            "transformer_blocks.11.attn1.to_q.bias");
    assertThat(third.inTeacher("proj_out_2.weight")).isEqualTo("proj_out_2.weight");
    assertThat(blocks(transformer(12, 2), transformer(1, 2)).inTeacher("transformer_blocks.0.x"))
        .isEqualTo("transformer_blocks.0.x");
    SharedBlocks same = blocks(transformer(5, 2), transformer(5, 2));
    for (int i = 0; i < 5; i++) {
      String name = "transformer_blocks.%d.attn1.to_q.bias".formatted(i);
      assertThat(same.inTeacher(name)).isEqualTo(name);
    }
  }

  @Test
  void shouldSayInOneSentenceWhatCannotBeTaken() {
    assertThat(fault(changed(n -> n.channels(8))))
        .isEqualTo(
            "must have the teacher's widths, all or the first ones, to start from its blocks: expected [16, 32, 64, 64], found [8, 16, 32, 32].");
    assertThat(fault(changed(n -> n.resBlocks(3))))
        .isEqualTo(
            "must have at most the teacher's resBlocks to start from its blocks: expected at most 2, found 3.");
    assertThat(fault(changed(n -> n.groups(Optional.of(4)))))
        .isEqualTo(
            "must have the teacher's groups to start from its blocks: expected [8, 8, 8, 8], found [4, 4, 4, 4].");
    assertThat(fault(changed(n -> n.attentionHeads(4))))
        .isEqualTo(
            "must have the teacher's heads at each level with attention to start from its blocks: expected [2, 2, 2, 2], found [4, 4, 4, 4].");
    assertThat(fault(stableDiffusion(4, 2, Middle.PLAIN).build()))
        .isEqualTo(
            "must have the teacher's middle block or none to start from its blocks: expected cross-attention or none, found plain.");
    assertThat(fault(changed(n -> n.latents(Optional.empty()))))
        .startsWith("must have the teacher's latents to start from its blocks: expected");
    var wide = new CrossAttentionSpec(32, 7, Optional.empty(), false);
    assertThat(fault(changed(n -> n.crossAttention(Optional.of(wide)))))
        .isEqualTo(
            "must have the teacher's crossAttention.width to start from its blocks: expected 24, found 32.");
    var plain =
        new BlocksSpec(
            Collections.nCopies(4, Block.PLAIN), Middle.NONE, Collections.nCopies(4, Block.PLAIN));
    assertThat(fault(changed(n -> n.blocks(Optional.of(plain)).crossAttention(Optional.empty()))))
        .isEqualTo(
            "must have the teacher's kinds of levels to start from its blocks: expected down [cross-attention, cross-attention, cross-attention, plain] and up [plain, cross-attention, cross-attention, cross-attention], found down [plain, plain, plain, plain] and up [plain, plain, plain, plain].");
    assertThat(fault(transformer(2, 2)))
        .isEqualTo("must be a U-Net as the teacher is to start from its blocks.");
    assertThat(blocks(transformer(4, 2), transformer(4, 3)).fault())
        .contains(
            "must have the teacher's transformer.heads to start from its blocks: expected 2, found 3.");
    assertThat(blocks(transformer(4, 2), transformer(5, 2)).fault())
        .contains(
            "must have at most the teacher's transformer.layers to start from its blocks: expected at most 4, found 5.");
  }

  private static NetworkSpec changed(UnaryOperator<NetworkSpecBuilder> change) {
    return change.apply(stableDiffusion(4, 2, Middle.CROSS_ATTENTION)).build();
  }

  @Test
  void shouldSayWhichDecoderBlockReadsAWidthThatTheLeftOutLevelHad() {
    assertThat(fault(stableDiffusion(2, 2, Middle.NONE).build()))
        .isEqualTo(
            "must have weights of the shapes of the teacher's to start from its blocks: expected [96] for up_blocks.0.resnets.0.norm1.weight, as up_blocks.2.resnets.0.norm1.weight has there, found [64].");
  }

  @Test
  void shouldBeARuleOfTheSpec() {
    ExperimentSpec fits = experiment(NetworkSpecBuilder.builder().resBlocks(1).build());
    assertThat(SpecRules.check(fits)).isEmpty();
    assertThat(SpecRules.check(experiment(NetworkSpec.ofWidth(64))))
        .extracting(SpecFault::field)
        .containsExactly("students.network");
    ExperimentSpec imported =
        ExperimentSpecBuilder.builder(fits)
            .teacher(
                TeacherSpecBuilder.builder(fits.teacher()).source(Optional.of("/teacher")).build())
            .build();
    assertThat(SpecRules.check(imported)).isEmpty(); // its network is known later
    var misfit = new BlocksSpec(List.of(Block.PLAIN), Middle.NONE, List.of(Block.PLAIN));
    assertThat(
            SpecRules.check(
                experiment(NetworkSpecBuilder.builder().blocks(Optional.of(misfit)).build())))
        .extracting(SpecFault::field)
        .containsExactly("students.network.blocks.down", "students.network.blocks.up");
  }

  @Test
  void shouldWantStudentsThatPredictAsTheTeacher() {
    ExperimentSpec other =
        ExperimentSpecBuilder.builder(experiment(TeacherSpec.DEFAULT_NETWORK))
            .diffusion(
                DiffusionSpecBuilder.builder()
                    .studentPrediction(Optional.of(Prediction.X0))
                    .build())
            .build();
    assertThat(SpecRules.check(other))
        .containsExactly(
            new SpecFault(
                "diffusion.studentPrediction",
                "must be left out, or eps as the teacher's, where students.startFrom takes the teacher's blocks, found x0."));
  }

  private static ExperimentSpec experiment(NetworkSpec student) {
    return ExperimentSpecBuilder.builder()
        .students(
            StudentsSpecBuilder.builder()
                .network(student)
                .startFrom(StartFrom.TEACHER_BLOCKS)
                .build())
        .build();
  }
}
