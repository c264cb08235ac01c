package dev.atelier.version;

import dev.atelier.store.objects.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Opcodes;

/**
 * The classes that decide a result: the entries, and what they refer to in turn, by their class
 * files. Line numbers, names of local variables and the list of a class's siblings count for
 * nothing.
 */
final class DecidingCode {

  /**
   * Our own classes that say where results lie, who may read a source and what is told meanwhile,
   * but not what comes out: names, or packages that end in a slash.
   */
  static final List<String> NOT_DECIDING =
      List.of(
          "dev/atelier/artifacts/ArtifactCache",
          "dev/atelier/dataset/Datasets",
          "dev/atelier/dataset/Download", // its bytes are known by their hash
          "dev/atelier/dataset/PreparationListener",
          "dev/atelier/dataset/SourceCredentials",
          "dev/atelier/dataset/SourceGuard",
          "dev/atelier/evaluation/Evaluation", // what a row says of it
          "dev/atelier/opening/",
          "dev/atelier/report/",
          "dev/atelier/spec/SourcePolicy",
          "dev/atelier/store/",
          "dev/atelier/training/IntervalFigures",
          "dev/atelier/training/OutlierDetector",
          "dev/atelier/training/TrainingListener",
          "dev/atelier/training/TrainingMetrics",
          "dev/atelier/untrusted/",
          "dev/atelier/version/",
          "dev/atelier/webhook/",
          "dev/atelier/work/",
          "dev/atelier/workflows/vocabulary/");

  static final String OWN = "dev/atelier/";
  private static final Pattern OWN_NAMES = Pattern.compile(OWN + "[\\w$/]+");
  private static final int UTF8 = 1; // tags of constants, JVMS 4.4
  private static final int CLASS = 7;

  private final Function<String, Optional<byte[]>> classFiles;

  /**
   * @param classFiles the file of a class by its name with slashes; empty: there is none
   */
  DecidingCode(Function<String, Optional<byte[]>> classFiles) {
    this.classFiles = classFiles;
  }

  /**
   * @param hashes of the deciding classes, by name
   * @param foreign names of the classes of others that they refer to, the JDK's too
   */
  record Reached(NavigableMap<String, String> hashes, NavigableSet<String> foreign) {}

  /** All that is reached from {@code entries}, names with slashes. */
  Reached from(Collection<String> entries) {
    NavigableMap<String, String> hashes = new TreeMap<>();
    NavigableSet<String> foreign = new TreeSet<>();
    Deque<String> pending = new ArrayDeque<>(entries);
    while (!pending.isEmpty()) {
      String name = pending.pop();
      if (hashes.containsKey(name) || decidesNothing(name)) {
        continue;
      }
      Optional<byte[]> file = classFiles.apply(name);
      if (file.isPresent()) { // else the name of a package or a text that looks like one
        byte[] behaviour = behaviour(file.get());
        hashes.put(name, Sha256.of(behaviour));
        for (String mentioned : mentioned(behaviour)) {
          (mentioned.startsWith(OWN) ? pending : foreign).add(mentioned);
        }
      }
    }
    return new Reached(hashes, foreign);
  }

  private static boolean decidesNothing(String name) {
    return NOT_DECIDING.stream()
        .anyMatch(
            out ->
                out.endsWith("/")
                    ? name.startsWith(out)
                    : name.equals(out) || name.startsWith(out + "$"));
  }

  /** The class file with its constants in order of use and nothing that only debuggers read. */
  private static byte[] behaviour(byte[] classFile) {
    ClassWriter writer = new ClassWriter(0);
    new ClassReader(classFile)
        .accept(
            new ClassVisitor(Opcodes.ASM9, writer) {
              // A class that uses one of a family must not stand for all of it.
              @Override
              public void visitInnerClass(String name, String outer, String inner, int access) {}

              @Override
              public void visitOuterClass(String owner, String name, String descriptor) {}

              @Override
              public void visitNestHost(String host) {}

              @Override
              public void visitNestMember(String member) {}
            },
            ClassReader.SKIP_DEBUG);
    return writer.toByteArray();
  }

  /** The classes that constants name: as such, in a descriptor, a signature or an annotation. */
  private static Set<String> mentioned(byte[] classFile) {
    ClassReader reader = new ClassReader(classFile);
    char[] buffer = new char[reader.getMaxStringLength()];
    Set<String> names = new TreeSet<>();
    for (int i = 1; i < reader.getItemCount(); i++) {
      int offset = reader.getItem(i); // after the tag; 0: the second half of a wide constant
      int tag = offset == 0 ? 0 : classFile[offset - 1];
      if (tag == UTF8) {
        int length = reader.readUnsignedShort(offset);
        String text = new String(classFile, offset + 2, length, StandardCharsets.UTF_8);
        OWN_NAMES.matcher(text).results().map(MatchResult::group).forEach(names::add);
      } else if (tag == CLASS) {
        names.add(reader.readUTF8(offset, buffer).replaceAll("^\\[+L?|;$", ""));
      }
    }
    return names;
  }
}
