package dev.atelier.local;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.ZipInputStream;
import org.apache.commons.compress.archivers.zip.ZipFile;

/** Opens a file as one does who trusts it; a program of its own, which the file may end. */
final class CarelessOpening {

  private CarelessOpening() {}

  public static void main(String[] args) throws Exception {
    Path file = Path.of(args[0]);
    Thread thread = new Thread(() -> open(file), "open"); // with the stack of a worker's threads
    thread.start();
    thread.join();
    System.exit(0);
  }

  private static void open(Path file) {
    try {
      String name = file.getFileName().toString();
      if (name.endsWith(".pt")) {
        try (TorchModule module = Libtorch.load(file, "cpu", TorchModule.Mode.INFERENCE)) {
          module.forward(HostTensor.zeros(HostTensor.DType.F32, 2, 3, 8, 8));
        }
      } else if (name.endsWith(".safetensors")) {
        byte[] all = Files.readAllBytes(file);
        byte[] header = Arrays.copyOfRange(all, 8, all.length);
        System.out.println(
            new ObjectMapper().readTree(new String(header, StandardCharsets.UTF_8)).size());
      } else if (name.endsWith(".npz")) {
        try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(file))) {
          while (zip.getNextEntry() != null) {
            byte[] bytes = zip.readAllBytes();
            double[] values = new double[bytes.length / 8];
            System.out.println(values.length);
          }
        }
      } else {
        try (ZipFile zip = ZipFile.builder().setPath(file).get()) {
          System.out.println(zip.getEntries().hasMoreElements());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
