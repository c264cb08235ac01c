package dev.atelier.network.torchscript;

import dev.atelier.network.tensors.HostTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** TorchScript files of a module without weights of note. */
public final class TorchScriptFile {

  private TorchScriptFile() {}

  /**
   * Writes a module whose {@code forward(x)} has that body, lines of two blanks, and returns it.
   */
  public static Path write(Path file, String body) throws IOException {
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "M",
            "def forward(self, x: Tensor) -> Tensor:\n" + body,
            Map.of("w", new TorchScriptModule.Buffer(HostTensor.zeros(HostTensor.DType.F32, 1)))));
    return file;
  }
}
