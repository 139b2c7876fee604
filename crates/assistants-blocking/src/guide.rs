//! [requests]: crate::guide::requests
//! [errors]: crate::guide::errors
//! [timeouts]: crate::guide::timeouts
//! [streaming]: crate::guide::streaming
//! [tools]: crate::guide::tools
//! [files]: crate::guide::files
//! [testing]: crate::guide::testing
//! [azure]: crate::guide::azure
//! [proxies]: crate::guide::proxies
//! [yandex]: crate::guide::yandex
//! [openai_python]: crate::guide::openai_python
#![doc = include_str!("../guide/README.md")]
// The chapters are Markdown files, so that they can also be read on a repository page. There, a link to another chapter
// must refer to its file; here, to its module. If a link is defined twice, the first definition counts.
//
// The `use` lines are the scope in which rustdoc resolves the links of a chapter.

pub mod requests {
    #![doc = include_str!("../guide/requests.md")]
    #[cfg(doc)]
    use crate::{openai::*, *};
}

pub mod errors {
    //! [timeouts]: super::timeouts
    //! [streaming]: super::streaming
    //! [tools]: super::tools
    //! [files]: super::files
    #![doc = include_str!("../guide/errors.md")]
    #[cfg(doc)]
    use crate::{openai::*, *};
}

pub mod timeouts {
    //! [errors]: super::errors
    #![doc = include_str!("../guide/timeouts.md")]
    #[cfg(doc)]
    use crate::{openai::*, *};
}

pub mod streaming {
    //! [timeouts]: super::timeouts
    //! [tools]: super::tools
    //! [yandex]: super::yandex
    #![doc = include_str!("../guide/streaming.md")]
    #[cfg(doc)]
    use crate::{chat::*, openai::*, *};
    #[cfg(doc)]
    use std::io::Read;
}

pub mod tools {
    //! [yandex]: super::yandex
    #![doc = include_str!("../guide/tools.md")]
    #[cfg(doc)]
    use crate::{openai::*, *};
}

pub mod files {
    #![doc = include_str!("../guide/files.md")]
    #[cfg(doc)]
    use crate::{openai::*, *};
}

pub mod testing {
    #![doc = include_str!("../guide/testing.md")]
}

pub mod azure {
    #![doc = include_str!("../guide/azure.md")]
    #[cfg(doc)]
    use crate::openai::*;
}

pub mod proxies {
    #![doc = include_str!("../guide/proxies.md")]
    #[cfg(doc)]
    use crate::{openai::*, *};
}

pub mod yandex {
    //! [tools]: super::tools
    #![doc = include_str!("../guide/yandex.md")]
    #[cfg(doc)]
    use crate::{ListCall, Tools, yandex::*};
}

pub mod openai_python {
    //! [timeouts]: super::timeouts
    //! [streaming]: super::streaming
    //! [tools]: super::tools
    //! [files]: super::files
    //! [azure]: super::azure
    //! [proxies]: super::proxies
    #![doc = include_str!("../guide/openai_python.md")]
    #[cfg(doc)]
    use crate::{openai::*, *};
}
