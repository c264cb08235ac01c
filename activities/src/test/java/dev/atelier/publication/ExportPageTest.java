package dev.atelier.publication;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.publication.ExportedFolder.Trained;
import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.workflows.ModelKey;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Python of {@code docs/export.md}. */
class ExportPageTest {

  private static final Pattern BLOCK = Pattern.compile("(?s)```python\n(.*?)```");
  private static final String SPEC =
      """
      {"name": "page", "dataset": {"source": "shapes?count=64&seed=1", "resolution": 8},
       "evaluation": {"sampler": {"kind": "ddim", "steps": 10, "spacing": "trailing"}}}
      """;

  @TempDir Path directory;

  private static List<String> blocks() throws Exception {
    return BLOCK
        .matcher(Files.readString(Path.of("../docs/export.md")))
        .results()
        .map(block -> block.group(1))
        .toList();
  }

  private void export() throws Exception {
    ExportedFolder export =
        new ExportedFolder(Files.createDirectory(directory.resolve("out")), SPEC, 8, 0);
    Network network =
        Network.of(new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.of(4)), 8, 3);
    List<Trained> students =
        List.of(
            Trained.of(ModelKey.student(1), network, ClosedForm.weights(network), 0, 500),
            Trained.of(ModelKey.student(2), network, ClosedForm.weights(network), 500, 1000));
    for (Trained student : students) {
      export.add(student);
    }
    assertThat(
            export.folders.addEnsemble(students.stream().map(Trained::model).toList(), "", "o2mkd"))
        .isEmpty();
  }

  @Test
  @RequiresPython
  void shouldRunEveryBlockOfThePage() throws Exception {
    export();
    List<String> blocks = blocks();
    assertThat(blocks).hasSize(5);
    String script =
        """
        import os
        os.environ.update(HF_HOME=os.path.abspath('hf'), HF_HUB_OFFLINE='1')
        """;
    Python.run(
        directory,
        script
            + String.join("\n", blocks.subList(0, 4))
            + """

        assert len(images) == 4 and images[0].size == (8, 8)
        """);
    Python.run(
        directory,
        script
            + blocks.get(4)
            + """

        import numpy, onnxruntime
        x, t = torch.randn(5, 3, 8, 8), torch.tensor([0, 3, 500, 999, 7])
        with torch.no_grad():
            wanted = UNet2DModel.from_pretrained('out/student-1', subfolder='unet')(x, t).sample
            loaded = torch.export.load('student-1.pt2').module()
            assert torch.allclose(loaded(x, t), wanted, atol=1e-4, rtol=0)
            session = onnxruntime.InferenceSession('student-1.onnx')
            for n in (1, 2, 5):
                found = session.run(None, {'x': x[:n].numpy(), 't': t[:n].numpy()})[0]
                assert numpy.abs(found - wanted[:n].numpy()).max() < 1e-4, n
            other, = session.run(None, {'x': x.numpy(), 't': t.flip(0).numpy()})
            assert numpy.abs(other - wanted.numpy()).max() > 1e-4
        """);
  }
}
