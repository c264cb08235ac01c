package dev.atelier.local;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import java.awt.image.BufferedImage;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;

/** Files that end a process which opens them without care, and two that do not. */
final class PoisonFiles {

  private static final int GOOD_IMAGES = 20;

  private PoisonFiles() {}

  static Path goodTorchScript(Path folder) throws IOException {
    return torchScript(folder.resolve("good.pt"), "  return torch.mean(x, [2, 3])\n");
  }

  static Path goodDataset(Path folder) throws IOException {
    Path file = folder.resolve("good.zip");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      for (int i = 0; i < GOOD_IMAGES; i++) {
        zip.putNextEntry(new ZipEntry(i + ".png"));
        BufferedImage image = new BufferedImage(12, 10, BufferedImage.TYPE_INT_RGB);
        image.setRGB(i % 12, i % 10, 0xffffff);
        ImageIO.write(image, "png", zip);
        zip.closeEntry();
      }
    }
    return file;
  }

  static Path endlessTorchScript(Path folder) throws IOException {
    return torchScript(
        folder.resolve("endless.pt"),
        "  i = 0\n  while torch.gt(1, 0):\n    i = torch.add(i, 1)\n  return x\n");
  }

  /** Answers whoever tries it with a few images, and never returns for a whole batch. */
  static Path hangingTorchScript(Path folder, int batch) throws IOException {
    return torchScript(
        folder.resolve("hanging.pt"),
        """
          n = torch.size(x, 0)
          while torch.eq(n, %d):
            n = torch.add(n, 0)
          return torch.mean(x, [2, 3])
        """
            .formatted(batch)
            .indent(0));
  }

  /** Two tensors of 2.4 GB: less than an opener's address space, more than its container. */
  static Path greedyTorchScript(Path folder) throws IOException {
    return torchScript(
        folder.resolve("greedy.pt"),
        """
          y = torch.ones([600000000])
          z = torch.add(y, 1)
          return torch.mean(torch.add(x, torch.add(y[0], z[0])), [2, 3])
        """);
  }

  /** 400 KB of parentheses: libtorch's parser has no bound, and no more stack. */
  static Path nestedTorchScript(Path folder) throws IOException {
    return torchScript(
        folder.resolve("nested.pt"),
        "  y = " + "(".repeat(200_000) + "x" + ")".repeat(200_000) + "\n  return y\n");
  }

  /** Operations that are all allowed, and whose chain is followed by recursion. */
  static Path chainedTorchScript(Path folder) throws IOException {
    return torchScript(
        folder.resolve("chained.pt"),
        "  y = torch.mean(x, [2, 3])\n" + "  y = torch.neg(y)\n".repeat(60_000) + "  return y\n");
  }

  /** Its message holds two lines, as those of a file of secrets. */
  static Path raisingTorchScript(Path folder) throws IOException {
    return torchScript(
        folder.resolve("raising.pt"),
        "  ops.prim.RaiseException(\"first line\\nsecond line of a secret\")\n  return x\n");
  }

  static Path writingTorchScript(Path folder, Path target) throws IOException {
    return torchScript(
        folder.resolve("writing.pt"),
        "  torch.save(x, \"%s\")\n  return torch.mean(x, [2, 3])\n".formatted(target));
  }

  private static Path torchScript(Path file, String body) throws IOException {
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "M",
            "def forward(self, x: Tensor) -> Tensor:\n" + body,
            Map.of("w", new TorchScriptModule.Buffer(HostTensor.zeros(HostTensor.DType.F32, 1)))));
    return file;
  }

  /** 268 MB of zeros in 261 KB. */
  static Path inflatingStatistics(Path folder) throws IOException {
    Path file = folder.resolve("inflating.npz");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      array(zip, "mu", "(5792,)", 5792);
      array(zip, "sigma", "(5792, 5792)", 5792 * 5792);
    }
    return file;
  }

  private static void array(ZipOutputStream zip, String name, String shape, int numbers)
      throws IOException {
    zip.putNextEntry(new ZipEntry(name + ".npy"));
    String header = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }".formatted(shape);
    String padded = header + " ".repeat(Math.floorMod(-(11 + header.length()), 64)) + "\n";
    DataOutputStream out = new DataOutputStream(zip);
    out.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
    out.writeShort(Short.reverseBytes((short) padded.length()));
    out.write(padded.getBytes(StandardCharsets.US_ASCII));
    byte[] zeros = new byte[8 * 5792];
    for (int written = 0; written < numbers; written += 5792) {
      out.write(zeros);
    }
    out.flush();
    zip.closeEntry();
  }

  /** A header of 95 MB, of a million tensors without elements. */
  static Path headlessSafetensors(Path folder) throws IOException {
    Path file = folder.resolve("header.safetensors");
    String entry =
        "\"%07d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0],\"more\":[[],[],[],[],[],[],[]]}";
    int entries = 1_130_000;
    long bytes = 2 + (long) entries * entry.formatted(0).length() + entries - 1;
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      for (int i = 0; i < 8; i++) {
        out.write((int) (bytes >> (8 * i)));
      }
      out.write('{');
      for (int i = 0; i < entries; i++) {
        out.write(((i == 0 ? "" : ",") + entry.formatted(i)).getBytes(StandardCharsets.US_ASCII));
      }
      out.write('}');
    }
    return file;
  }

  /** 1.6 million entries, of which a library keeps a list. */
  static Path crowdedZip(Path folder) throws IOException {
    Path file = folder.resolve("crowded.zip");
    try (ZipOutputStream zip =
        new ZipOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 20))) {
      zip.setMethod(ZipOutputStream.STORED);
      for (int i = 0; i < 1_600_000; i++) {
        ZipEntry entry = new ZipEntry(i + ".png");
        entry.setSize(0);
        entry.setCrc(0);
        zip.putNextEntry(entry);
      }
    }
    return file;
  }
}
