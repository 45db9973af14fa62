//! The parameters of a module by name.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Gradients, Tensor, TensorData},
};

use crate::artifact::files::sha256;

/// A tensor on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostTensor {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// Tensors by name; the order of names is the order everywhere.
pub type Tensors = BTreeMap<String, HostTensor>;

/// Copies every parameter of `module` to the host, named by its path: `encoder.layers.0.weight`.
pub fn collect<M: Module>(module: &M) -> Tensors {
    struct Collect {
        path: Vec<String>,
        tensors: Tensors,
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.tensors.insert(self.path.join("."), to_host(param.val()));
        }
    }
    let mut visitor = Collect { path: Vec::new(), tensors: Tensors::new() };
    module.visit(&mut visitor);
    visitor.tensors
}

/// Copies `tensors` into the parameters of `module`.
///
/// # Errors
/// A sentence that names the first parameter that is missing, has another shape, or that no parameter asks for.
pub fn restore<M: Module>(module: M, tensors: &Tensors) -> Result<M, String> {
    struct Restore<'a> {
        path: Vec<String>,
        tensors: &'a Tensors,
        used: usize,
        fault: Option<String>,
    }
    impl ModuleMapper for Restore<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = self.path.join(".");
            let expected = param.val().dims().to_vec();
            let Some(host) = self.tensors.get(&name) else {
                self.fault.get_or_insert(format!("the weights lack the tensor '{name}'"));
                return param;
            };
            if host.shape != expected {
                self.fault.get_or_insert(format!(
                    "the tensor '{name}' has shape {:?}, the model needs {expected:?}",
                    host.shape
                ));
                return param;
            }
            self.used += 1;
            let (id, old, mapper) = param.consume();
            let data = TensorData::new(host.values.clone(), host.shape.clone());
            let new = if old.is_autodiff() {
                let new = Tensor::from_inner(Tensor::from_data(data, &old.device().inner()));
                if old.is_require_grad() { new.require_grad() } else { new }
            } else {
                Tensor::from_data(data, &old.device())
            };
            Param::from_mapped_value(id, new, mapper)
        }
    }
    let mut mapper = Restore { path: Vec::new(), tensors, used: 0, fault: None };
    let module = module.map(&mut mapper);
    match mapper.fault {
        Some(fault) => Err(fault),
        None if mapper.used < tensors.len() => {
            Err(format!("the weights hold {} tensors, the model needs {}", tensors.len(), mapper.used))
        }
        None => Ok(module),
    }
}

/// SHA-256 of names and values, in hexadecimal.
pub fn digest<'a>(tensors: impl IntoIterator<Item = (&'a String, &'a HostTensor)>) -> String {
    let mut text = String::new();
    for (name, tensor) in tensors {
        let bytes: Vec<u8> = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        text.push_str(&format!("{name}{}", sha256(&bytes)));
    }
    sha256(text.as_bytes())
}

/// Number of trainable values.
pub fn count<M: Module>(module: &M) -> usize {
    module.num_params()
}

/// The values of a tensor, copied to the host.
pub fn to_host<const D: usize>(tensor: Tensor<D>) -> HostTensor {
    let shape = tensor.dims().to_vec();
    HostTensor { shape, values: host_values(tensor) }
}

/// The values of a tensor, row-major.
///
/// # Panics
/// Never for the `f32` tensors this crate makes.
pub fn host_values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("every tensor of this crate holds f32")
}

/// The gradient of every parameter that has one, by the name of the parameter.
pub fn collect_gradients<M: Module>(module: &M, gradients: &mut Gradients) -> Tensors {
    struct Collect<'a> {
        path: Vec<String>,
        gradients: &'a mut Gradients,
        tensors: Tensors,
    }
    impl ModuleVisitor for Collect<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = param.val().grad_remove(self.gradients) {
                self.tensors.insert(self.path.join("."), to_host(gradient));
            }
        }
    }
    let mut visitor = Collect { path: Vec::new(), gradients, tensors: Tensors::new() };
    module.visit(&mut visitor);
    visitor.tensors
}
