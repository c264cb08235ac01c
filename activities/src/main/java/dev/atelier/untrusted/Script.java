package dev.atelier.untrusted;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What is told of TorchScript text: enough to know whatever it can call. */
final class Script {

  private Script() {}

  /** An expression; its depth is that of the tree below it. */
  sealed interface Expr {
    int depth();

    int line();
  }

  record Name(String id, int line) implements Expr {
    @Override
    public int depth() {
      return 1;
    }
  }

  record Text(String text, int line) implements Expr {
    @Override
    public int depth() {
      return 1;
    }
  }

  record Select(Expr of, String attribute, int depth, int line) implements Expr {}

  record Call(Expr callee, List<Expr> arguments, int depth, int line) implements Expr {}

  record Subscript(Expr of, List<Expr> at, int depth, int line) implements Expr {}

  /** Numbers, lists, operations: what calls nothing by a name. */
  record Other(List<Expr> parts, int depth, int line) implements Expr {}

  /** Names that get a value; the value is empty where it is none of an assignment's. */
  record Binding(String name, Optional<Expr> value) {}

  record Parameter(String name, Optional<Expr> type) {}

  record Function(
      String name,
      List<Parameter> parameters,
      Optional<Expr> returns,
      List<Binding> bindings,
      List<Expr> expressions) {}

  /** A class with the types of its attributes. */
  record ClassDef(
      String name,
      List<Expr> bases,
      Map<String, Expr> attributes,
      Map<String, Function> methods,
      List<Expr> expressions) {}

  record Unit(List<ClassDef> classes, List<Function> functions) {}
}
