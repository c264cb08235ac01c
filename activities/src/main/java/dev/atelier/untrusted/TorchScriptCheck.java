package dev.atelier.untrusted;

import dev.atelier.untrusted.Script.Unit;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Reads a TorchScript file of a user's before libtorch does, which runs its code as it loads it:
 * the code may use the operators of a list alone, no text is nested deeper than libtorch's parser
 * has stack for, and the pickles name tensors that are there.
 */
public final class TorchScriptCheck {

  private static final int MAX_DIRECTORY_BYTES = 8 << 20; // of the zip: 80,000 tensors
  private static final int MAX_CODE_BYTES = 16 << 20; // of all files of code
  private static final String NEVER_READ = "traced_inputs.pkl"; // shapes, for other programs
  private static final int MAX_PICKLE_BYTES = 32 << 20; // of one pickle

  /** What an entry is to libtorch, which finds it by its name. */
  private enum Kind {
    CODE,
    PICKLE,
    OTHER;

    static Kind of(String name) {
      if (name.endsWith(".pkl") || name.endsWith("_pkl")) {
        return PICKLE;
      }
      return name.startsWith("code/") && name.endsWith(".py") ? CODE : OTHER;
    }
  }

  private final ZipFile zip;
  private final Map<String, ZipEntry> entries; // without the archive's folder

  private TorchScriptCheck(ZipFile zip, Map<String, ZipEntry> entries) {
    this.zip = zip;
    this.entries = entries;
  }

  /**
   * Checks {@code file}.
   *
   * @throws RefusedCodeException naming what may not be used, or what is not understood
   */
  public static void check(Path file) throws RefusedCodeException {
    try {
      ZipDirectory directory = ZipDirectory.of(file);
      if (!directory.plain()) {
        throw new RefusedCodeException(
            "has something before, between or behind the parts of its zip, which libraries read differently");
      }
      directory.require(Math.min(MAX_DIRECTORY_BYTES, HeapBudget.zipDirectoryBytes()));
      try (ZipFile zip = new ZipFile(file.toFile())) {
        new TorchScriptCheck(zip, entries(zip)).check();
      }
    } catch (IOException e) {
      throw new RefusedCodeException(
          "cannot be read: " + OneLine.of(String.valueOf(e.getMessage()), 200), e);
    }
  }

  private static Map<String, ZipEntry> entries(ZipFile zip) throws RefusedCodeException {
    Map<String, ZipEntry> entries = new HashMap<>();
    Set<String> lowerCase = new HashSet<>();
    Set<String> roots = new HashSet<>();
    for (ZipEntry entry : Collections.list(zip.entries())) {
      String name = entry.getName();
      int slash = name.indexOf('/');
      if (slash <= 0) {
        throw new RefusedCodeException(
            "has the entry '%s' outside of a folder".formatted(OneLine.of(name, 100)));
      }
      roots.add(name.substring(0, slash));
      // libtorch's zip library does not tell upper from lower case.
      if (!lowerCase.add(name.toLowerCase(Locale.ROOT))) {
        throw new RefusedCodeException("has the entry '%s' twice".formatted(OneLine.of(name, 100)));
      }
      String own = name.substring(slash + 1);
      if (Kind.of(own) != Kind.of(own.toLowerCase(Locale.ROOT))) {
        throw new RefusedCodeException(
            "has the entry '%s', expected it in small letters".formatted(OneLine.of(name, 100)));
      }
      entries.put(own, entry);
    }
    if (roots.size() != 1) {
      throw new RefusedCodeException(
          "has %d folders at its top, expected one".formatted(roots.size()));
    }
    for (String needed : List.of("data.pkl", "constants.pkl", "version")) {
      if (!entries.containsKey(needed) && !entries.containsKey(".data/" + needed)) {
        throw new RefusedCodeException(
            "has no %s, which torch.jit.save of PyTorch 1.4 and later writes".formatted(needed));
      }
    }
    return entries;
  }

  private void check() throws RefusedCodeException, IOException {
    Map<String, Unit> units = new HashMap<>();
    List<String> pickles = new ArrayList<>();
    long code = 0;
    for (Map.Entry<String, ZipEntry> entry : entries.entrySet()) {
      String name = entry.getKey();
      Kind kind = Kind.of(name);
      if (kind == Kind.CODE) {
        byte[] text = content(entry.getValue(), MAX_CODE_BYTES);
        code += text.length;
        if (code > MAX_CODE_BYTES) {
          throw new RefusedCodeException(
              "has more than %d bytes of code".formatted(MAX_CODE_BYTES));
        }
        String module = name.substring("code/".length(), name.length() - ".py".length());
        units.put(module.replace('/', '.'), parse(name, text));
      } else if (kind == Kind.PICKLE && !name.equals(NEVER_READ)) {
        pickles.add(name);
      }
    }
    Set<String> classes = new HashSet<>();
    units.forEach(
        (module, unit) -> unit.classes().forEach(c -> classes.add(module + "." + c.name())));
    ScriptCheck.check(units);
    for (String name : pickles) {
      try {
        String folder = name.replaceFirst("\\.pkl$", "/"); // where its tensors are
        PickleCheck.check(
            content(entries.get(name), MAX_PICKLE_BYTES), classes, key -> size(folder + key));
      } catch (RefusedCodeException e) {
        throw new RefusedCodeException("%s %s".formatted(OneLine.of(name, 100), e.getMessage()), e);
      }
    }
  }

  private static Unit parse(String name, byte[] text) throws RefusedCodeException {
    try {
      return ScriptParser.parse(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text)).toString());
    } catch (CharacterCodingException e) {
      throw new RefusedCodeException("%s is no UTF-8 text".formatted(OneLine.of(name, 100)), e);
    } catch (RefusedCodeException e) {
      throw new RefusedCodeException("%s %s".formatted(OneLine.of(name, 100), e.getMessage()), e);
    }
  }

  private long size(String name) {
    return entries.containsKey(name) ? entries.get(name).getSize() : -1;
  }

  private byte[] content(ZipEntry entry, int most) throws RefusedCodeException, IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      byte[] bytes = in.readNBytes(most + 1);
      if (bytes.length > most) {
        throw new RefusedCodeException(
            "has an entry '%s' of more than %d bytes"
                .formatted(OneLine.of(entry.getName(), 100), most));
      }
      return bytes;
    }
  }
}
