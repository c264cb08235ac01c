package dev.atelier.network.torchscript;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptModule.Attribute;
import dev.atelier.network.torchscript.TorchScriptModule.Buffer;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import dev.atelier.network.torchscript.TorchScriptModule.Parameter;
import dev.atelier.network.torchscript.TorchScriptModule.Submodule;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes a TorchScript archive that {@code torch.jit.load} and libtorch open: a zip with the
 * classes as text, one raw entry per tensor, and a pickle (protocol 2) that ties them together.
 */
public final class TorchScriptArchive {
  private static final String ROOT = "archive/";
  private static final LocalDateTime EPOCH = LocalDateTime.of(1980, 1, 1, 0, 0); // of zip

  private final List<Storage> storages = new ArrayList<>();
  private final Map<String, TorchScriptModule> classes = new LinkedHashMap<>();
  private final Pickle pickle = new Pickle();

  /** The elements of a tensor, as an entry of the zip. */
  private record Storage(HostTensor tensor, MemoryFormat format) {
    void writeTo(WritableByteChannel channel) throws IOException {
      switch (format) {
        case CONTIGUOUS -> tensor.writeTo(channel);
        case CHANNELS_LAST -> tensor.channelsLast().writeTo(channel);
      }
    }
  }

  private TorchScriptArchive() {}

  /** Writes {@code root} to {@code file}, tensor by tensor: memory doesn't grow with its size. */
  public static void write(Path file, TorchScriptModule root) throws IOException {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16)) {
      write(out, root);
    }
  }

  /** Writes {@code root} to {@code out}, which stays open. */
  public static void write(OutputStream out, TorchScriptModule root) throws IOException {
    new TorchScriptArchive().writeAll(out, root);
  }

  /** The text of the classes in an archive of {@code root}: what libtorch runs. */
  public static String program(TorchScriptModule root) {
    TorchScriptArchive archive = new TorchScriptArchive();
    archive.pickleModule(root);
    return archive.code();
  }

  private void writeAll(OutputStream out, TorchScriptModule root) throws IOException {
    pickle.start();
    pickleModule(root);
    pickle.stop();

    ZipOutputStream zip = new ZipOutputStream(out);
    zip.setLevel(Deflater.NO_COMPRESSION); // weights don't compress
    entry(zip, "data.pkl", pickle.bytes());
    entry(zip, "code/__torch__.py", code().getBytes(StandardCharsets.UTF_8));
    for (int i = 0; i < storages.size(); i++) {
      zip.putNextEntry(entry("data/" + i));
      storages.get(i).writeTo(Channels.newChannel(zip));
      zip.closeEntry();
    }
    entry(zip, "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
    entry(zip, "version", "3\n".getBytes(StandardCharsets.UTF_8));
    zip.finish();
    out.flush();
  }

  /** Without the time of day: a file is known by its hash. */
  private static ZipEntry entry(String name) {
    ZipEntry entry = new ZipEntry(ROOT + name);
    entry.setTimeLocal(EPOCH);
    return entry;
  }

  private static void entry(ZipOutputStream zip, String name, byte[] content) throws IOException {
    zip.putNextEntry(entry(name));
    zip.write(content);
    zip.closeEntry();
  }

  private void pickleModule(TorchScriptModule module) {
    TorchScriptModule known = classes.get(module.className());
    if (known != null
        && !(known.methods().equals(module.methods())
            && List.copyOf(known.attributes().keySet())
                .equals(List.copyOf(module.attributes().keySet())))) {
      throw new IllegalArgumentException(
          "Two different modules have the class name '%s'.".formatted(module.className()));
    }
    pickle.newObject("__torch__", module.className());
    pickle.openDict();
    for (Map.Entry<String, Attribute> e : module.attributes().entrySet()) {
      pickle.string(e.getKey());
      // No default: the compiler must know every kind of attribute.
      if (e.getValue() instanceof Parameter parameter) {
        pickleTensor(parameter.tensor(), parameter.format(), true);
      } else if (e.getValue() instanceof Buffer buffer) {
        pickleTensor(buffer.tensor(), buffer.format(), false);
      } else if (e.getValue() instanceof Submodule submodule) {
        pickleModule(submodule.module());
      }
    }
    pickle.string("training");
    pickle.bool(true);
    pickle.closeDictAndBuild();
    classes.putIfAbsent(module.className(), module); // after its submodules: used before defined
  }

  private void pickleTensor(HostTensor tensor, MemoryFormat format, boolean requiresGrad) {
    pickle.tensor(tensor, format, storages.size(), requiresGrad);
    storages.add(new Storage(tensor, format));
  }

  private String code() {
    StringBuilder code = new StringBuilder();
    for (TorchScriptModule module : classes.values()) {
      code.append("class ").append(module.className()).append("(Module):\n");
      code.append("  __parameters__ = ").append(names(module, Parameter.class)).append('\n');
      code.append("  __buffers__ = ").append(names(module, Buffer.class)).append('\n');
      module
          .attributes()
          .forEach(
              (name, attribute) ->
                  code.append("  ")
                      .append(name)
                      .append(" : ")
                      .append(
                          attribute instanceof Submodule s
                              ? "__torch__." + s.module().className()
                              : "Tensor")
                      .append('\n'));
      code.append("  training : bool\n");
      String typedSelf = "def $1(self: __torch__." + module.className();
      module
          .methods()
          .replaceAll("(?m)^def (\\w+)\\(self", typedSelf)
          .lines()
          .forEach(line -> code.append(line.isEmpty() ? "" : "  " + line).append('\n'));
    }
    return code.toString();
  }

  private static String names(TorchScriptModule module, Class<? extends Attribute> kind) {
    StringBuilder names = new StringBuilder("[");
    module
        .attributes()
        .forEach(
            (name, attribute) -> {
              if (kind.isInstance(attribute)) {
                names.append('"').append(name).append("\", ");
              }
            });
    return names.append(']').toString();
  }

  /** The few opcodes of pickle protocol 2 that a TorchScript archive needs. */
  private static final class Pickle {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    byte[] bytes() {
      return out.toByteArray();
    }

    void start() {
      out.write(0x80);
      out.write(2);
    }

    void stop() {
      out.write('.');
    }

    void newObject(String module, String name) {
      global(module, name);
      out.write(')'); // EMPTY_TUPLE
      out.write(0x81); // NEWOBJ
    }

    void openDict() {
      out.write('}'); // EMPTY_DICT
      out.write('('); // MARK
    }

    void closeDictAndBuild() {
      out.write('u'); // SETITEMS
      out.write('b'); // BUILD
    }

    void tensor(HostTensor tensor, MemoryFormat format, int storage, boolean requiresGrad) {
      global("torch._utils", "_rebuild_tensor_v2");
      out.write('('); // MARK of the arguments
      out.write('('); // MARK of the storage's id
      string("storage");
      global("torch", storageType(tensor.dtype()));
      string(Integer.toString(storage));
      string("cpu");
      integer(tensor.elements());
      out.write('t'); // TUPLE
      out.write('Q'); // BINPERSID
      integer(0); // offset
      long[] shape = tensor.shape();
      tuple(shape);
      tuple(format == MemoryFormat.CHANNELS_LAST ? channelsLastStrides(shape) : strides(shape));
      bool(requiresGrad);
      global("collections", "OrderedDict");
      out.write(')');
      out.write('R'); // REDUCE: no backward hooks
      out.write('t');
      out.write('R'); // REDUCE: the tensor
    }

    private static String storageType(HostTensor.DType dtype) {
      return switch (dtype) {
        case F32 -> "FloatStorage";
        case F64 -> "DoubleStorage";
        case I64 -> "LongStorage";
        case U8 -> "ByteStorage";
      };
    }

    private static long[] strides(long[] shape) {
      long[] strides = new long[shape.length];
      long stride = 1;
      for (int i = shape.length - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape[i];
      }
      return strides;
    }

    private static long[] channelsLastStrides(long[] shape) {
      long row = shape[3] * shape[1];
      return new long[] {shape[2] * row, 1, row, shape[1]};
    }

    private void tuple(long[] values) {
      out.write('(');
      for (long v : values) {
        integer(v);
      }
      out.write('t');
    }

    private void integer(long value) {
      if (value >= 0 && value <= Integer.MAX_VALUE) {
        out.write('J'); // BININT
        littleEndian(value, 4);
      } else {
        out.write(0x8a); // LONG1
        out.write(8);
        littleEndian(value, 8);
      }
    }

    void bool(boolean value) {
      out.write(value ? 0x88 : 0x89);
    }

    void string(String value) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      out.write('X'); // BINUNICODE
      littleEndian(utf8.length, 4);
      out.writeBytes(utf8);
    }

    private void global(String module, String name) {
      out.write('c');
      out.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private void littleEndian(long value, int bytes) {
      for (int i = 0; i < bytes; i++) {
        out.write((int) (value >>> (8 * i)));
      }
    }
  }
}
