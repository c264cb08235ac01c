package dev.atelier.deploy;

import com.sun.source.doctree.DocCommentTree;
import com.sun.source.tree.AnnotationTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * The settings that the sources of a {@code @ConfigMapping} declare, as a table in Markdown: name,
 * environment variable, type, default and the first sentence of the Javadoc.
 */
final class ConfigurationReference {

  private static final String PREFIX = "atelier";

  private final DocTrees docs;
  private final CompilationUnitTree unit;
  private final Map<String, ClassTree> types = new LinkedHashMap<>();
  private final StringBuilder table = new StringBuilder();

  private ConfigurationReference(DocTrees docs, CompilationUnitTree unit) {
    this.docs = docs;
    this.unit = unit;
  }

  /**
   * The table of the settings in the source file of a mapping.
   *
   * @param ofTypes source files of classes whose nested types settings have
   */
  static String of(Path source, Path... ofTypes) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      JavacTask task =
          (JavacTask)
              compiler.getTask(
                  null,
                  files,
                  null,
                  List.of(),
                  null,
                  files.getJavaFileObjects(
                      Stream.concat(Stream.of(source), Stream.of(ofTypes)).toArray(Path[]::new)));
      Iterator<? extends CompilationUnitTree> units = task.parse().iterator();
      ConfigurationReference reference =
          new ConfigurationReference(DocTrees.instance(task), units.next());
      units.forEachRemaining(reference::addTypes);
      return reference.write();
    }
  }

  private String write() {
    addTypes(unit);
    table.append("| setting | environment variable | type | default | |\n");
    table.append("|---|---|---|---|---|\n");
    describe((ClassTree) unit.getTypeDecls().get(0), PREFIX);
    return table.toString();
  }

  private void addTypes(CompilationUnitTree file) {
    for (Tree member : ((ClassTree) file.getTypeDecls().get(0)).getMembers()) {
      if (member instanceof ClassTree type) {
        types.put(type.getSimpleName().toString(), type);
      }
    }
  }

  private void describe(ClassTree type, String path) {
    for (Tree member : type.getMembers()) {
      if (!(member instanceof MethodTree method) || method.getBody() != null) {
        continue;
      }
      String name = path + "." + kebab(method.getName().toString());
      ClassTree group = types.get(method.getReturnType().toString());
      if (group != null && group.getKind() == Tree.Kind.INTERFACE) {
        describe(group, name);
      } else {
        row(name, method);
      }
    }
  }

  private void row(String name, MethodTree method) {
    String type = method.getReturnType().toString();
    table.append(
        "| `%s` | `%s` | %s | %s | %s |\n"
            .formatted(
                name,
                name.replaceAll("[^A-Za-z0-9]", "_").toUpperCase(Locale.ROOT),
                typeName(type),
                defaultOf(method)
                    .map("`%s`"::formatted)
                    .orElse(type.startsWith("Optional") ? "" : "**required**"),
                sentence(name, method)));
  }

  private String typeName(String type) {
    String inner = type.replaceAll("^Optional<(.*)>$", "$1");
    ClassTree named = types.get(inner);
    if (named != null) {
      return values(named);
    }
    if (inner.startsWith("List<") || inner.startsWith("Set<")) {
      String element = inner.substring(inner.indexOf('<') + 1, inner.length() - 1);
      return "list of " + typeName(element);
    }
    return switch (inner) {
      case "String" -> "text";
      case "int", "long", "double", "OptionalInt", "OptionalLong" -> "number";
      case "boolean" -> "`true` or `false`";
      case "Path" -> "file";
      case "URI" -> "URL";
      case "Duration" -> "duration";
      default -> throw new IllegalStateException("%s has no name for people.".formatted(inner));
    };
  }

  private static String values(ClassTree enumeration) {
    return enumeration.getMembers().stream()
        .filter(VariableTree.class::isInstance)
        .map(VariableTree.class::cast)
        .filter(v -> v.getType().toString().equals(enumeration.getSimpleName().toString()))
        .map(v -> v.getName().toString())
        .map(v -> "`%s`".formatted(v.toLowerCase(Locale.ROOT).replace('_', '-')))
        .collect(java.util.stream.Collectors.joining(" or "));
  }

  private static Optional<String> defaultOf(MethodTree method) {
    for (AnnotationTree annotation : method.getModifiers().getAnnotations()) {
      if (annotation.getAnnotationType().toString().equals("WithDefault")) {
        ExpressionTree value = annotation.getArguments().get(0);
        String text = value.toString().replaceFirst("^value = ", "");
        return Optional.of(text.substring(1, text.length() - 1));
      }
    }
    return Optional.empty();
  }

  private String sentence(String name, MethodTree method) {
    DocCommentTree comment = docs.getDocCommentTree(TreePath.getPath(unit, method));
    if (comment == null) {
      throw new IllegalStateException("%s has no Javadoc.".formatted(name));
    }
    return comment.getFullBody().stream()
        .map(Object::toString)
        .collect(java.util.stream.Collectors.joining())
        .replaceAll("\\{@code\\s+([^}]*)}", "`$1`")
        .replaceAll("\\s+", " ")
        .replace("|", "\\|")
        .trim();
  }

  private static String kebab(String name) {
    return name.replaceAll("([a-z0-9])([A-Z])", "$1-$2").toLowerCase(Locale.ROOT);
  }
}
