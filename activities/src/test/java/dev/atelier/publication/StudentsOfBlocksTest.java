package dev.atelier.publication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.publication.ExportedFolder.Trained;
import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.LatentsSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.NetworkSpecBuilder;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.training.Distillation;
import dev.atelier.training.ImageSource;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.training.TeacherBlocks;
import dev.atelier.training.TeacherModel;
import dev.atelier.training.TrainingTask;
import dev.atelier.workflows.ModelKey;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Students made of blocks of their teacher, here and as diffusers loads them. */
class StudentsOfBlocksTest {

  private static final ImageSource NO_IMAGES =
      new ImageSource() {
        @Override
        public int count() {
          return 0;
        }

        @Override
        public void copy(int index, byte[] chw, int offset) {
          throw new AssertionError("Blocks are taken without a look at images.");
        }
      };

  @TempDir Path directory;

  private static Network text(int levels, int resBlocks, Middle middle) {
    List<Block> kinds = Collections.nCopies(levels, Block.CROSS_ATTENTION);
    return Network.of(
        NetworkSpecBuilder.builder()
            .levelWidths(Optional.of(List.of(16, 32, 32).subList(0, levels)))
            .resBlocks(resBlocks)
            .attentionHeads(2)
            .groups(Optional.of(8))
            .variant(Optional.of(NetworkSpec.Variant.DIFFUSERS))
            .blocks(Optional.of(new BlocksSpec(kinds, middle, kinds)))
            .crossAttention(Optional.of(new CrossAttentionSpec(12, 5, Optional.empty(), false)))
            .latents(Optional.of(new LatentsSpec(4, 2)))
            .build(),
        16,
        3);
  }

  private static Network transformer(int layers) {
    return Network.of(NetworkSpec.of(new TransformerSpec(2, layers, 2, 8, null, null)), 8, 3, 3);
  }

  private static TrainingTask task(Network student, TeacherModel teacher) {
    return new TrainingTask(
        "student-1",
        student,
        DiffusionSpec.DEFAULTS,
        TrainingSpec.DEFAULTS,
        2,
        "s",
        "c",
        Optional.of(
            new Distillation(teacher, new TimestepRange(0, 500), 0.8, new LossSpec(1.0, 1.0))),
        new TeacherBlocks());
  }

  private Map<String, HostTensor> start(Network student, TeacherModel teacher) throws Exception {
    TrainingTask task = task(student, teacher);
    return task.start().of(task, NO_IMAGES, "cpu", directory);
  }

  private static TeacherModel.Weights teacher(Network network) {
    return new TeacherModel.Weights(network, ClosedForm.weights(network));
  }

  @Test
  void shouldBeTheTeacherBitForBitWhenNoBlockIsLeftOut() throws Exception {
    for (Network network : List.of(text(3, 2, Middle.CROSS_ATTENTION), transformer(3))) {
      Map<String, HostTensor> weights = ClosedForm.weights(network);
      Map<String, HostTensor> taken = start(network, teacher(network));
      assertThat(taken.keySet()).isEqualTo(weights.keySet());
      taken.forEach((name, w) -> assertThat(w.data()).isEqualTo(weights.get(name).data()));
    }
  }

  @Test
  @RequiresPython
  void shouldHaveTheTeachersBlocksWhenDiffusersLoadsIt() throws Exception {
    Network whole = text(3, 2, Middle.CROSS_ATTENTION);
    ExportedFolder export =
        new ExportedFolder(
            directory,
            "{\"name\": \"blocks\", \"dataset\": {\"source\": \"shapes\", \"resolution\": 16}}",
            16,
            0);
    export.add(Trained.of(ModelKey.TEACHER, whole, ClosedForm.weights(whole), 0, 1000));
    List<Network> students =
        List.of(
            text(3, 1, Middle.CROSS_ATTENTION), text(3, 1, Middle.NONE), text(2, 1, Middle.NONE));
    for (int k = 1; k <= students.size(); k++) {
      Network student = students.get(k - 1);
      export.add(Trained.of(ModelKey.student(k), student, start(student, teacher(whole)), 0, 1000));
    }
    Python.run(
        directory,
        """
        import os
        os.environ.update(HF_HOME=os.path.abspath('hf'), HF_HUB_OFFLINE='1')
        import torch
        from diffusers import UNet2DConditionModel
        def load(name):
            return UNet2DConditionModel.from_pretrained(name, subfolder='unet')
        def equal(a, b):
            a, b = a.state_dict(), b.state_dict()
            return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
        teacher = load('teacher')
        for name, removed, middle in (('student-1', 0, True), ('student-2', 0, False), ('student-3', 1, False)):
            student = load(name)
            for part in ('conv_in', 'time_embedding', 'conv_norm_out', 'conv_out'):
                assert equal(getattr(student, part), getattr(teacher, part)), part
            for ours, theirs in zip(student.down_blocks, teacher.down_blocks):
                assert len(ours.resnets) == 1
                assert equal(ours.resnets[0], theirs.resnets[0]) and equal(ours.attentions[0], theirs.attentions[0])
                if ours.downsamplers is not None:
                    assert equal(ours.downsamplers, theirs.downsamplers)
            for ours, theirs in zip(student.up_blocks, list(teacher.up_blocks)[removed:]):
                assert len(ours.resnets) == 2
                for mine, his in ((0, 0), (1, 2)):
                    assert equal(ours.resnets[mine], theirs.resnets[his])
                    assert equal(ours.attentions[mine], theirs.attentions[his])
                if ours.upsamplers is not None:
                    assert equal(ours.upsamplers, theirs.upsamplers)
            assert (student.mid_block is not None) == middle
            if middle:
                assert equal(student.mid_block, teacher.mid_block)
            assert len(student.up_blocks) == 3 - removed
            eps = student(torch.ones(1, 4, 8, 8), 5, torch.ones(1, 5, 12)).sample
            assert eps.isfinite().all()
        """);
  }

  @Test
  void shouldRefuseATeacherWithoutNetworkOrWithOtherWidths() {
    Network student = text(3, 1, Middle.NONE);
    assertThatExceptionOfType(InvalidSpecException.class)
        .isThrownBy(() -> start(student, new TeacherModel.Archive(Path.of("none.pt"))))
        .withMessage(
            "students.startFrom can't take blocks of the teacher: it is a TorchScript file, of which no network is known; expected random or one-to-one.");
    assertThatExceptionOfType(InvalidSpecException.class)
        .isThrownBy(() -> start(student, teacher(transformer(2))))
        .withMessage(
            "The network of student-1 must be a transformer as the teacher is to start from its blocks.");
  }
}
